package control

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/rollbackd/rollbackd/internal/event"
)

// Postmortem records that the review of an incident is done, and where it can be read.
const Postmortem Verb = "postmortem"

// MaxLink is how long the link to a review may be, in bytes.
const MaxLink = 300

func (a Asked) checkReview() error {
	switch {
	case a.Watch == "":
		return errors.New(`field "watch" is missing: postmortem needs the key of the incident's watch, as rollbackctl incidents -o json shows it`)
	case a.ID == "":
		return errors.New(`field "id" is missing: it tells this request from a later one with another link`)
	}
	return CheckLink(a.Link)
}

// CheckLink says what is wrong with the link to a review, in one sentence that is safe to show; nil if it can be opened in a browser.
func CheckLink(link string) error {
	u, err := url.Parse(link)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" || len(link) > MaxLink || !printable(link) {
		return fmt.Errorf("the link %s cannot be opened: it must begin with http:// or https:// and a host, without a user, and have at most %d bytes", event.Quote(link), MaxLink)
	}
	return nil
}
