package notifier

import (
	"context"
	"time"
)

// This file holds what a sink may be or use beyond Sink. All of it is optional.

// Stateful is a Sink whose receiver keeps a state only for as long as it is told of it again, such as Alertmanager. The dispatcher
// calls Refresh beside Notify, never at the same time as it.
type Stateful interface {
	Sink
	// Refresh says again which incidents are open: for each the newest notice that this sink was to be told of it, with Open set. What is not
	// among them is over. An error is logged and counted; the next call comes after Every in any case.
	Refresh(ctx context.Context, open []Notice) error
	// Every is the time between two calls of Refresh. The first one comes right after the start.
	Every() time.Duration
}

// Incidents knows which incidents are open. It derives them from the watches, so that a restart forgets none.
type Incidents interface {
	// Open returns the notices about each open incident that have Open set, in the order in which they were told. Of those that a sink was to
	// be told, it is refreshed with the newest of each incident.
	Open() []Notice
}

// Memory is a small store that survives a restart, for what a sink must remember of an incident, such as the thread that it is told in.
// Keys have letters, digits, '_', '=', '-', '.' and '/' only. What was not put for 60 days is forgotten.
type Memory interface {
	// Get returns nil and no error where there is no such key.
	Get(ctx context.Context, key string) ([]byte, error)
	Put(ctx context.Context, key string, value []byte) error
}

// Pictures draws the chart of an incident's leading signal as PNG.
type Pictures interface {
	// Picture returns nil and no error where there is nothing to draw.
	Picture(ctx context.Context, incident string) ([]byte, error)
}

// Deferral is an error of a sink whose receiver has said for how long it wants to be left alone, such as by the header Retry-After.
type Deferral interface {
	error
	// RetryAfter is that time; the dispatcher bounds it.
	RetryAfter() time.Duration
}

// Recipient is a person or a group whom a notice is for, with the address that one kind of sink knows them by.
type Recipient struct {
	// Role is why it is for them.
	Role Role `json:"role"`
	// Address is what the sink's kind calls an address: a user's or a group's ID for Slack, an e-mail address for SMTP.
	Address string `json:"address"`
	// Name is what people call them, empty if the contacts do not say.
	Name string `json:"name,omitempty"`
}

// Role is what somebody is to a deployment, in the runbook's words.
type Role string

// The roles.
const (
	// DeploymentEngineer is who deployed.
	DeploymentEngineer Role = "deployment-engineer"
	// OnCall is who must answer a page.
	OnCall Role = "on-call"
	// ServiceOwner is who answers for the service.
	ServiceOwner Role = "service-owner"
	// Approver may approve a rollback.
	Approver Role = "approver"
)

// Roles are all of them.
func Roles() []Role { return []Role{DeploymentEngineer, OnCall, ServiceOwner, Approver} }
