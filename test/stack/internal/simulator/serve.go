package simulator

import (
	"context"
	"net/http"
	"time"
)

// behaviour is how the pod behaves at this moment.
func (p *pod) behaviour() Behaviour {
	return p.live.Load().behaviour.at(time.Since(p.created), p.chosen.Load())
}

// serve answers one request as the pod's behaviour says.
func (p *pod) serve(w http.ResponseWriter, r *http.Request) {
	switch state := p.live.Load(); {
	case !state.running:
		http.Error(w, "the pod is not running", http.StatusServiceUnavailable)
		return
	case !state.up: // A real one refuses the connection; its gateway would say this.
		http.Error(w, "the pod's container is not running", http.StatusBadGateway)
		return
	}
	began, behaviour := time.Now(), p.behaviour()
	ctx, cancel := p.run.Load().during(r.Context())
	defer cancel()
	code := http.StatusOK
	if !sleep(ctx, behaviour.latency()) {
		http.Error(w, "the pod has ended", http.StatusBadGateway)
		return
	}
	if !p.calls(ctx, behaviour.Calls, hops(r)) {
		code = http.StatusBadGateway
	}
	if behaviour.fails() || p.shared.faults.fails(p.namespace, p.live.Load().labels) {
		code = http.StatusInternalServerError
	}
	p.count(code, time.Since(began))
	w.Header().Set("X-Pod", p.name)
	w.Header().Set("X-Version", p.version)
	w.WriteHeader(code)
}

// calls sends the request that serving one needs, if any, and tells whether nothing failed.
func (p *pod) calls(ctx context.Context, callee string, hops int) bool {
	if callee == "" {
		return true
	}
	code, ok := p.shared.calls.call(ctx, p.namespace, callee, hops)
	p.metrics.Load().called(callee, code)
	return ok
}

// during returns a context for serving a request, which ends when the client or the container does.
func (r *run) during(request context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(request)
	stop := context.AfterFunc(r.ctx, cancel)
	return ctx, func() { stop(); cancel() }
}

// sleep waits and tells whether the time passed without the context ending.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

func (p *pod) count(code int, duration time.Duration) {
	p.metrics.Load().served(code, duration)
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stats.requests++
	if code < http.StatusInternalServerError {
		return
	}
	p.stats.errors++
	p.stats.lastErrorAt = now
	if p.stats.firstErrorAt.IsZero() {
		p.stats.firstErrorAt = now
	}
}

func (p *pod) serveMetrics(w http.ResponseWriter, r *http.Request) {
	state := p.live.Load()
	if !state.up {
		http.Error(w, "the pod's container is not running", http.StatusBadGateway)
		return
	}
	behaviour := p.behaviour()
	failure := p.shared.faults.scrape(p.namespace, state.labels)
	if failure == ScrapeAnswered {
		failure = behaviour.Scrape
	}
	ctx, cancel := p.run.Load().during(r.Context())
	defer cancel()
	if !failure.serve(ctx, w) {
		p.metrics.Load().serve(w, r, behaviour)
	}
}

func (p *pod) delete() {
	p.mu.Lock()
	p.stats.deletedAt = time.Now()
	p.mu.Unlock()
	p.run.Load().end()
}
