package config

import "slices"

// WithoutNATS returns the configuration with those sinks alone that tell people also while NATS is away, and the routes to them.
func (c *Config) WithoutNATS() *Config {
	out := *c
	out.Notify.Sinks = slices.DeleteFunc(slices.Clone(c.Notify.Sinks), func(s NotifySink) bool { return s.CDEvents != nil })
	out.Notify.Routes = nil
	for _, r := range c.Notify.Routes {
		r.Sinks = slices.DeleteFunc(slices.Clone(r.Sinks), func(name string) bool {
			return !slices.ContainsFunc(out.Notify.Sinks, func(s NotifySink) bool { return s.Name == name })
		})
		out.Notify.Routes = append(out.Notify.Routes, r)
	}
	return &out
}
