package bus

import (
	"fmt"
	"slices"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/event"
)

// AnyNamespace in a Scope means every namespace of the environment.
const AnyNamespace = "*"

// User is a publisher of the embedded server.
type User struct {
	// Name has letters, digits, '-' and '_' only, at most 64: it is part of subjects.
	Name string
	// Password may be a bcrypt hash, as nats-server's own configuration allows.
	Password string
	// Publish is whose deployments the user may announce, Control whose rollbacks the user may decide on.
	Publish, Control []Scope
	// Sources are those that the user may tell of deployments by.
	Sources []Source
}

// Scope is a namespace of an environment, or all of them by AnyNamespace.
type Scope struct{ Environment, Namespace string }

func serverUsers(users []User) ([]*server.User, error) {
	var all []*server.User
	seen := map[string]bool{}
	for _, user := range users {
		if err := user.check(); err != nil {
			return nil, err
		}
		if seen[user.Name] {
			return nil, fmt.Errorf("user %q is configured twice", user.Name)
		}
		seen[user.Name] = true
		all = append(all, &server.User{Username: user.Name, Password: user.Password, Permissions: user.permissions()})
	}
	return all, nil
}

func (u User) check() error {
	if !control.ValidUser(u.Name) {
		return fmt.Errorf("user name %q may have letters, digits, '-' and '_' only, at most 64", u.Name)
	}
	if u.Password == "" {
		return fmt.Errorf("user %q has no password", u.Name)
	}
	for _, scope := range slices.Concat(u.Publish, u.Control) {
		if !event.IsName(scope.Environment) {
			return fmt.Errorf("user %q: environment %q is not an RFC 1123 label", u.Name, scope.Environment)
		}
		if scope.Namespace != AnyNamespace && !event.IsName(scope.Namespace) {
			return fmt.Errorf("user %q: namespace %q is neither an RFC 1123 label nor %q", u.Name, scope.Namespace, AnyNamespace)
		}
	}
	return nil
}

// permissions allow the user's events, what it says as a source, the rejections of both and the CDEvents that came of them, requests under the
// user's own name and the user's own inbox,
// and nothing else: lists of what is allowed refuse the rest, $JS.API and $KV included.
func (u User) permissions() *server.Permissions {
	publish := &server.SubjectPermission{}
	subscribe := &server.SubjectPermission{Allow: []string{event.InboxPrefix(u.Name) + ".>"}}
	for _, scope := range u.Publish {
		tokens := "." + scope.Environment + "." + scope.Namespace + ".>"
		publish.Allow = append(publish.Allow, event.SubjectPrefix+tokens)
		subscribe.Allow = append(subscribe.Allow, event.RejectedSubjectPrefix+tokens, event.CDEventsSubjectPrefix+tokens)
	}
	for _, scope := range u.Control {
		publish.Allow = append(publish.Allow, control.Allowed(u.Name, scope.Environment, scope.Namespace))
	}
	for _, source := range u.Sources {
		publish.Allow = append(publish.Allow, source.Subject)
		subscribe.Allow = append(subscribe.Allow, event.RejectedSourceSubject(source.Name))
	}
	if len(publish.Allow) == 0 {
		publish.Deny = []string{">"}
	}
	return &server.Permissions{Publish: publish, Subscribe: subscribe}
}
