package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/sampleapp"
)

// service is one that stories are about: updated in place, or a pair of colours that its Service chooses between.
type service struct {
	sampleapp.App
	pair bool
}

func (s service) colours() sampleapp.BlueGreen { return sampleapp.BlueGreen{App: s.App} }

// create deploys the first version and lets it have the load.
func (s service) create(ctx context.Context, version string) error {
	if s.pair {
		return s.colours().Create(ctx, version, sampleapp.Behaviour{})
	}
	return s.Create(ctx, version, sampleapp.Behaviour{})
}

// front returns the Deployment that gets the load, by the word of the API server.
func (s service) front(ctx context.Context) (sampleapp.App, error) {
	if !s.pair {
		return s.App, nil
	}
	colour, err := s.colours().LiveColour(ctx)
	if err != nil {
		return sampleapp.App{}, fmt.Errorf("read the Service: %w", err)
	}
	return s.colours().Side(colour), nil
}

// release brings a story's version to its users as a deploy tool does, and returns a time before which none of them can
// have met it.
func (s *stage) release(ctx context.Context, story story) (time.Time, error) {
	svc := story.service
	if !svc.pair {
		before := time.Now()
		if err := svc.Deploy(ctx, story.version, story.behaviour); err != nil {
			return time.Time{}, err
		}
		s.screen.say("deploy tool", fmt.Sprintf("rolls %s/%s from %s to %s (%s)", namespace, svc.Name, story.previous, story.version, story.intro), plain)
		return before, nil
	}
	green := svc.colours().Side(sampleapp.Green)
	s.screen.say("deploy tool", fmt.Sprintf("rolls %s/%s, which has no traffic, to %s (%s)", namespace, green.Workload(), story.version, story.intro), plain)
	if err := green.Deploy(ctx, story.version, story.behaviour); err != nil {
		return time.Time{}, err
	}
	if err := green.AwaitRollout(ctx); err != nil {
		return time.Time{}, err
	}
	before := time.Now()
	if err := svc.colours().Switch(ctx, sampleapp.Green); err != nil {
		return time.Time{}, err
	}
	s.screen.say("deploy tool", fmt.Sprintf("switches the Service %s/%s from blue to green", namespace, svc.Name), plain)
	return before, nil
}

// announcement is the event by which the deploy tool tells of a story's deployment.
func (s service) announcement(story story, at time.Time) event.Event {
	at = at.UTC().Truncate(time.Second)
	e := event.Event{
		ID:        "deploy-" + at.Format("20060102T150405Z") + "-" + s.Name,
		Timestamp: at, Environment: environment, Namespace: namespace, Workload: s.Name,
		Version: story.version, PreviousVersion: story.previous, Operator: "demo",
	}
	if s.pair {
		e.Workload, e.Strategy = s.colours().Side(sampleapp.Green).Workload(), event.StrategyBlueGreen
		e.Service, e.SelectorKey, e.From, e.To = s.Name, sampleapp.ColourLabel, sampleapp.Blue, sampleapp.Green
	}
	return e
}
