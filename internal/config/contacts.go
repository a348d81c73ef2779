package config

import (
	"fmt"
	"net/mail"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/rollbackd/rollbackd/notifier"
)

// Contacts is the file that says who has which role, and by what address each kind of sink knows them. It is not part of the configuration, because
// it changes when a rota does; it is read again when it has changed.
type Contacts struct {
	// Roles are tried in order: of those that cover a workload, the first that names a role says who has it.
	Roles []ContactRoles `yaml:"roles"`
	// People are those who deploy, by the name that events give as their operator, and whom roles can name.
	People map[string]Contact `yaml:"people"`
}

// ContactRoles says who has which role on some workloads.
type ContactRoles struct {
	// Match selects the workloads by shell patterns; without any these are all.
	Match []Match `yaml:"match"`
	// Roles are the people by role: deployment-engineer, on-call, service-owner, approver.
	Roles map[notifier.Role][]Contact `yaml:"roles"`
}

// Contact is a person or a group, with the addresses that sinks know them by.
type Contact struct {
	// Person is a key of people; beside it nothing else is given.
	Person string `yaml:"person"`
	Name   string `yaml:"name"`
	// Slack is the ID of a user (U…) or of a user group (S…).
	Slack string `yaml:"slack"`
	Email string `yaml:"email"`
}

// ReadContacts reads a contacts file. The error names the file and every mistake, each with its line.
func ReadContacts(path string) (*Contacts, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the contacts: %w", err)
	}
	c, err := ParseContacts(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// ParseContacts reads contacts from strict YAML. Its error is Mistakes.
func ParseContacts(data []byte) (*Contacts, error) {
	var c Contacts
	root, err := decode(data, &c)
	if err != nil {
		return nil, err
	}
	k := &checker{root: root}
	for name, p := range c.People {
		at := []any{"people", name}
		if p.Person != "" {
			k.say(append(at, "person"), "%q cannot stand in people, which are those that it refers to; write the addresses here", p.Person)
		}
		p.check(k, at)
	}
	for i, r := range c.Roles {
		at := []any{"roles", i}
		k.patterns(func(path ...any) []any { return append(slices.Clone(at), path...) }, r.Match)
		for role, people := range r.Roles {
			oneOf(k, append(slices.Clone(at), "roles", string(role)), "a role", role, notifier.Roles())
			for j, p := range people {
				here := append(slices.Clone(at), "roles", string(role), j)
				if p.Person != "" {
					c.checkReference(k, here, p)
					continue
				}
				p.check(k, here)
			}
		}
	}
	return &c, k.err()
}

func (c *Contacts) checkReference(k *checker, at []any, p Contact) {
	if _, known := c.People[p.Person]; !known {
		k.say(append(at, "person"), "%q is not one of people; add them there", p.Person)
	}
	if p.Name+p.Slack+p.Email != "" {
		k.say(at, "has addresses beside person, which says where they are; remove one of both")
	}
}

var slackID = regexp.MustCompile(`^[A-Z0-9]{2,30}$`)

func (p Contact) check(k *checker, at []any) {
	at = slices.Clone(at)
	if p.Slack+p.Email == "" && p.Person == "" {
		k.say(at, "has no address; give slack, email or both")
	}
	if p.Slack != "" && !slackID.MatchString(p.Slack) {
		k.say(append(at, "slack"), "%q is not the ID of a Slack user or user group; copy it from their profile, such as U024BE7LH", p.Slack)
	}
	if p.Email != "" {
		if a, err := mail.ParseAddress(p.Email); err != nil || a.Address != p.Email || strings.ContainsAny(p.Email, "\r\n") {
			k.say(append(at, "email"), "%q is not an e-mail address; write it as ana@example.com", p.Email)
		}
	}
}

// The media, as sinks and contacts call them.
const (
	MediumSlack = "slack"
	MediumEmail = "email"
)

// Recipients returns whom a notice is for in these roles, with the addresses of one medium, each once. The deployment engineer is also who the
// event says has deployed, if people knows them.
func (c *Contacts) Recipients(n notifier.Notice, roles []notifier.Role, medium string) []notifier.Recipient {
	var out []notifier.Recipient
	for _, role := range roles {
		for _, p := range c.holders(n, role) {
			address := map[string]string{MediumSlack: p.Slack, MediumEmail: p.Email}[medium]
			same := func(r notifier.Recipient) bool { return r.Address == address }
			if address != "" && !slices.ContainsFunc(out, same) {
				out = append(out, notifier.Recipient{Role: role, Address: address, Name: p.Name})
			}
		}
	}
	return out
}

func (c *Contacts) holders(n notifier.Notice, role notifier.Role) []Contact {
	var out []Contact
	for _, r := range c.Roles {
		people, named := r.Roles[role]
		if !named || !r.covers(n) {
			continue
		}
		for _, p := range people {
			if p.Person != "" {
				p = c.People[p.Person]
			}
			out = append(out, p)
		}
		break
	}
	if p, known := c.People[n.Operator]; known && role == notifier.DeploymentEngineer {
		out = append(out, p)
	}
	return out
}

func (r ContactRoles) covers(n notifier.Notice) bool {
	return len(r.Match) == 0 || slices.ContainsFunc(r.Match, func(m Match) bool { return notifier.Match(m).Fits(n) })
}
