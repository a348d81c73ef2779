package notifier

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"go.uber.org/zap"
)

// maxPicture is how large a picture may be in bytes to be uploaded.
const maxPicture = 5 << 20

// picture adds the incident's chart to its thread, once. A chart is worth no second try of the notice: what fails is logged, and tried again
// with the incident's next notice.
func (s *Slack) picture(ctx context.Context, api slackAPI, n Notice, key string, thread slackThread) {
	if s.opts.Pictures == nil || n.Incident == "" || thread.Pictured {
		return
	}
	png, err := s.opts.Pictures.Picture(ctx, n.Incident)
	if err == nil && len(png) > 0 && len(png) <= maxPicture {
		if err = api.upload(ctx, n, thread, png); err == nil {
			thread.Pictured = true
			s.keep(ctx, key, thread)
		}
	}
	if err != nil {
		s.opts.Logger.Warn("the chart of an incident was not added to its thread", zap.String("sink", s.opts.Name), zap.Error(err))
	}
}

// upload puts a picture into a thread, in Slack's three steps: ask where to, send the bytes there, and say what they are for.
func (a slackAPI) upload(ctx context.Context, n Notice, thread slackThread, png []byte) error {
	alt := short(n.Title, 200)
	place, err := a.submit(ctx, "files.getUploadURLExternal", url.Values{
		"filename": {"chart.png"}, "length": {strconv.Itoa(len(png))}, "alt_txt": {alt},
	})
	if err != nil {
		return err
	}
	if !a.trusts(place.UploadURL) {
		return &httpError{text: "files.getUploadURLExternal: the answer has no address to upload to"}
	}
	// The address is a secret for as long as it holds; the token is not for it.
	_, err = httpCall{
		Client: a.client, URL: place.UploadURL, Body: png, Header: http.Header{"Content-Type": {"image/png"}}, Now: a.now,
	}.do(ctx)
	if err != nil {
		return err
	}
	files, err := json.Marshal([]map[string]string{{"id": place.FileID, "title": alt}})
	if err != nil {
		return &httpError{text: "encoding the list of files"}
	}
	_, err = a.submit(ctx, "files.completeUploadExternal", url.Values{
		"files": {string(files)}, "channel_id": {thread.Channel}, "thread_ts": {thread.TS},
	})
	return err
}

// trusts reports whether an address that Slack named is spoken to as safely as Slack itself.
func (a slackAPI) trusts(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && strings.HasPrefix(a.base, "http://")
}
