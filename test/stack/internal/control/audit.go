package control

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"time"
)

// AuditEvent is one call to the API server that was answered.
type AuditEvent struct {
	Verb        string          `json:"verb"`
	User        string          `json:"user"`
	Code        int             `json:"code"`
	Time        time.Time       `json:"time"`
	Resource    string          `json:"resource"`
	Subresource string          `json:"subresource,omitempty"`
	Namespace   string          `json:"namespace,omitempty"`
	Name        string          `json:"name,omitempty"`
	URI         string          `json:"uri"`
	RequestBody json.RawMessage `json:"requestObject,omitempty"`
}

// logLine is the part of an audit log line that is used.
type logLine struct {
	Stage      string `json:"stage"`
	Verb       string `json:"verb"`
	RequestURI string `json:"requestURI"`
	User       struct {
		Username string `json:"username"`
	} `json:"user"`
	ObjectRef struct {
		Resource    string `json:"resource"`
		Subresource string `json:"subresource"`
		Namespace   string `json:"namespace"`
		Name        string `json:"name"`
	} `json:"objectRef"`
	ResponseStatus struct {
		Code int `json:"code"`
	} `json:"responseStatus"`
	RequestObject            json.RawMessage `json:"requestObject"`
	RequestReceivedTimestamp time.Time       `json:"requestReceivedTimestamp"`
}

// auditFilter selects calls; an empty field selects all.
type auditFilter struct {
	verb, resource, namespace, name, user string
}

func newAuditFilter(query url.Values) (auditFilter, error) {
	var f auditFilter
	fields := map[string]*string{
		"verb": &f.verb, "resource": &f.resource, "namespace": &f.namespace, "name": &f.name, "user": &f.user,
	}
	for key, values := range query {
		field, known := fields[key]
		if !known || len(values) != 1 {
			return f, fmt.Errorf("parameter %q: give verb, resource, namespace, name and user at most once each", key)
		}
		*field = values[0]
	}
	return f, nil
}

func (f auditFilter) matches(line logLine) bool {
	same := func(want, got string) bool { return want == "" || want == got }
	return line.Stage == "ResponseComplete" &&
		same(f.verb, line.Verb) && same(f.user, line.User.Username) &&
		same(f.resource, line.ObjectRef.Resource) && same(f.namespace, line.ObjectRef.Namespace) &&
		same(f.name, line.ObjectRef.Name)
}

// readAudit returns the calls in the audit log that the filter selects, in the order of the log.
func readAudit(path string, filter auditFilter) ([]AuditEvent, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the audit log: %w", err)
	}
	defer file.Close()
	return scanAudit(file, filter)
}

func scanAudit(log io.Reader, filter auditFilter) ([]AuditEvent, error) {
	events := []AuditEvent{}
	reader := bufio.NewReaderSize(log, 64<<10)
	for {
		text, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return events, nil // What has no newline yet is still being written.
		}
		if err != nil {
			return nil, fmt.Errorf("read the audit log: %w", err)
		}
		// Decoding every line of a long log takes seconds; most lines lack the user in question.
		if !bytes.Contains(text, []byte(filter.user)) {
			continue
		}
		var line logLine
		if err := json.Unmarshal(text, &line); err != nil {
			return nil, fmt.Errorf("decode the audit log: %w", err)
		}
		if filter.matches(line) {
			events = append(events, event(line))
		}
	}
}

func event(line logLine) AuditEvent {
	return AuditEvent{
		Verb: line.Verb, User: line.User.Username, Code: line.ResponseStatus.Code,
		Time: line.RequestReceivedTimestamp, URI: line.RequestURI,
		Resource: line.ObjectRef.Resource, Subresource: line.ObjectRef.Subresource,
		Namespace: line.ObjectRef.Namespace, Name: line.ObjectRef.Name,
		RequestBody: line.RequestObject,
	}
}
