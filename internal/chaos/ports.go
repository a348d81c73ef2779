package chaos

import (
	"context"
	"encoding/json"

	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/internal/watch"
	"github.com/rollbackd/rollbackd/rollback"
)

type journal struct {
	watch.Journal
	trap
}

func (j journal) Append(ctx context.Context, key, id string, data []byte, last uint64) (seq uint64, err error) {
	j.around(func() { seq, err = j.Journal.Append(ctx, key, id, data, last) }, callsOf(data)...)
	return seq, err
}

// callsOf names the appending of an entry: by its kind, and if it is a change of state by that too.
func callsOf(data []byte) []string {
	var e incident.Entry
	if err := json.Unmarshal(data, &e); err != nil {
		return nil
	}
	calls := []string{"append:" + string(e.Kind)}
	if e.State != nil {
		calls = append(calls, "append:state:"+e.State.To)
	}
	return calls
}

type cluster struct {
	watch.Cluster
	trap
}

func (c cluster) Apply(ctx context.Context, p rollback.Plan, intentID string) (result rollback.Result, detail string, err error) {
	c.around(func() { result, detail, err = c.Cluster.Apply(ctx, p, intentID) }, "apply")
	return result, detail, err
}

type pauser struct {
	watch.Pauser
	trap
}

func (p pauser) Pause(ctx context.Context, pause rollback.Pause) (result rollback.Result, detail string, err error) {
	p.around(func() { result, detail, err = p.Pauser.Pause(ctx, pause) }, "pause")
	return result, detail, err
}

func (p pauser) Resume(ctx context.Context, w rollback.Workload, mark rollback.PauseMark) (result rollback.Result, detail string, err error) {
	p.around(func() { result, detail, err = p.Pauser.Resume(ctx, w, mark) }, "resume")
	return result, detail, err
}

type names struct {
	watch.Names
	trap
}

func (n names) Claim(ctx context.Context, base, owner string) (name string, err error) {
	n.around(func() { name, err = n.Names.Claim(ctx, base, owner) }, "claim")
	return name, err
}

type records struct {
	watch.Records
	trap
}

func (r records) Write(w watch.Watch, entries []incident.Entry) (err error) {
	r.around(func() { err = r.Records.Write(w, entries) }, "render:"+string(w.State))
	return err
}
