package watch

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/notifier"
	"github.com/rollbackd/rollbackd/rollback"
)

// marksOf keeps the annotation of the world's only workload.
type marksOf struct{ *world }

func (m marksOf) Annotate(ctx context.Context, _ rollback.Workload, name, value string) error {
	return m.call(ctx, "marks.annotate", func() error {
		annotations := map[string]string{}
		for k, v := range m.live.Annotations {
			annotations[k] = v
		}
		annotations[name] = value
		if value == "" {
			delete(annotations, name)
		}
		m.live.Annotations = annotations
		m.marked = append(m.marked, value)
		return nil
	})
}

func (m marksOf) Annotated(ctx context.Context, kind rollback.Kind, namespace, name string) (found []rollback.Annotated, err error) {
	err = m.call(ctx, "marks.annotated "+kind.String()+" "+namespace, func() error {
		if value, ok := m.live.Annotations[name]; ok && kind == m.live.Workload.Kind {
			found = append(found, rollback.Annotated{Workload: m.live.Workload, Value: value})
		}
		return nil
	})
	return found, err
}

func marking(w *world) func(*Options) {
	return func(o *Options) { o.Marks = marksOf{w} }
}

// markedWith is the mark that the workload carries.
func (w *world) markedWith() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.live.Annotations[markOf("test")]
}

// copyBack is what kubectl rollout undo does with the annotations of an old ReplicaSet.
func (w *world) copyBack(value string) {
	_ = marksOf{w}.Annotate(context.Background(), w.live.Workload, markOf("test"), value)
}

func (w *world) pages() (out []notifier.Notice) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range w.notices {
		if n.Severity == notifier.Page {
			out = append(out, n)
		}
	}
	return out
}

// TestOpenWatchIsMarked: from when it is pinned to its end, once, and also after it was overwritten.
func TestOpenWatchIsMarked(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.errorsIn = 1
		p := w.run(marking(w))
		require.NoError(t, p.Accept(t.Context(), w.document()))
		opened := w.await(p, Watching)
		settle(time.Second)
		require.Equal(t, opened.mark().String(), w.markedWith())
		w.copyBack("production.shop." + strings.Repeat("a", 64) + " until 2030-01-01T00:00:00Z")
		p.ClusterChanged(opened.workload())
		settle(time.Second)
		require.Equal(t, opened.mark().String(), w.markedWith())
		w.await(p, Healthy)
		settle(time.Second)
		require.Empty(t, w.markedWith())
		require.Len(t, w.marked, 4)
		require.Empty(t, w.pages())
	})
}

func settle(d time.Duration) { time.Sleep(d); synctest.Wait() }

// TestObserverMarksNothing: a daemon that only observes changes nothing of the cluster.
func TestObserverMarksNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run(marking(w), func(o *Options) {
			for i := range o.Policies[0].Stages {
				o.Policies[0].Stages[i].Mode = Observe
			}
		})
		require.NoError(t, p.Accept(t.Context(), w.document()))
		w.await(p, Watching)
		settle(time.Minute)
		require.Empty(t, w.marked)
	})
}

// TestAMarkThatCannotBeWrittenHoldsUpNothing, and is written once it can be; unless it is forbidden, which it stays.
func TestAMarkThatCannotBeWrittenHoldsUpNothing(t *testing.T) {
	forbidden := &apierrors.StatusError{ErrStatus: metav1.Status{Code: http.StatusForbidden, Reason: metav1.StatusReasonForbidden}}
	for name, why := range map[string]error{"away": errors.New("no answer"), "forbidden": forbidden} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				fails := 0
				w.failing(func(call string, done bool) error {
					if call == "marks.annotate" && !done && fails < 3 {
						fails++
						return why
					}
					return nil
				})
				p := w.run(marking(w))
				require.NoError(t, p.Accept(t.Context(), w.document()))
				w.await(p, Verifying)
				require.Len(t, w.patches, 1)
				settle(time.Minute)
				require.EqualValues(t, fails, testutil.ToFloat64(p.opts.Metrics.failures.WithLabelValues(string(effectMark))))
				require.NotZero(t, fails)
			})
		})
	}
}

// TestWipedStorage: NATS lost everything while a watch was open. Nothing is rolled back, one page tells of it, the mark is
// taken away after that, and the next start knows nothing of it.
func TestWipedStorage(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run(marking(w))
		require.NoError(t, p.Accept(t.Context(), w.document()))
		opened := w.await(p, Watching)
		settle(2 * time.Second)
		require.NotEmpty(t, w.markedWith())
		p.stop()
		w.mu.Lock()
		w.stored, w.journal, w.names = map[string][]byte{}, map[string][]record{}, map[string]string{}
		w.mu.Unlock()

		p = w.run(marking(w))
		settle(20 * time.Second)
		require.Empty(t, w.pages(), "its event may come again")
		settle(time.Minute)
		require.Len(t, w.pages(), 1)
		page := w.pages()[0]
		require.Equal(t, "shop/checkout was being watched, and its watch is lost", page.Title)
		require.Contains(t, page.Text, opened.Key)
		require.Contains(t, page.Text, "announce it again")
		require.Equal(t, []string{"production", opened.Key}, []string{page.Environment, page.Watch})
		require.Empty(t, w.markedWith())
		require.EqualValues(t, 1, testutil.ToFloat64(p.opts.Metrics.lost))
		settle(time.Hour)
		require.Empty(t, w.patches)
		p.stop()
		w.run(marking(w))
		settle(time.Hour)
		require.Len(t, w.pages(), 1)
	})
}

// TestEventsThatComeAgainFindTheirMark: only the consumer was lost, and the stream hands the event out again.
func TestEventsThatComeAgainFindTheirMark(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run(marking(w))
		require.NoError(t, p.Accept(t.Context(), w.document()))
		w.await(p, Watching)
		settle(2 * time.Second)
		p.stop()
		w.mu.Lock()
		w.stored, w.journal = map[string][]byte{}, map[string][]record{}
		w.mu.Unlock()
		p = w.run(marking(w))
		settle(5 * time.Second)
		require.NoError(t, p.Accept(t.Context(), w.document()))
		opened := w.await(p, Watching)
		settle(35 * time.Second)
		require.NotContains(t, titles(w.pages()), "lost")
		require.Contains(t, []string{opened.mark().String(), ""}, w.markedWith())
	})
}

func titles(notices []notifier.Notice) string {
	var out []string
	for _, n := range notices {
		out = append(out, n.Title)
	}
	return strings.Join(out, "\n")
}

// TestStaleMarks are taken away without a word: of watches that have ended, by their record or by their journal alone, of
// long ago, or of nobody's.
func TestStaleMarks(t *testing.T) {
	key := "production.shop." + strings.Repeat("a", 64)
	for name, value := range map[string]string{
		"ended": "", "by its journal": key + " until 2999-01-01T00:00:00Z",
		"long ago":   "production.shop." + strings.Repeat("b", 64) + " until 1999-01-01T00:00:00Z",
		"unreadable": "\x00<script>", "of another namespace": "production.other." + strings.Repeat("a", 64) + " until 2999-01-01T00:00:00Z",
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.errorsIn = 1
				if name == "ended" {
					p := w.run(marking(w))
					require.NoError(t, p.Accept(t.Context(), w.document()))
					opened := w.await(p, Watching)
					value = opened.mark().String()
					w.await(p, Healthy)
					settle(time.Second)
					p.stop()
				}
				entry, err := json.Marshal(incident.Entry{Kind: incident.KindState, State: &incident.StateChange{To: string(Healthy)}})
				require.NoError(t, err)
				w.journal[key] = []record{{seq: 1, data: entry}}
				w.copyBack(value)
				w.run(marking(w))
				settle(time.Minute)
				require.Empty(t, w.markedWith())
				require.Empty(t, w.pages())
			})
		})
	}
}

// TestMarkIsReadBack: what is written is what is read.
func TestMarkIsReadBack(t *testing.T) {
	m := mark{key: "production.shop." + strings.Repeat("0a", 32), until: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}
	got, ok := parseMark(rollback.Workload{Namespace: "shop", Name: "checkout"}, m.String())
	require.True(t, ok)
	require.Equal(t, m, got)
	require.Equal(t, "production", got.environment())
}

// TestNamespacesOfPolicies: those that are named; all of them, if one policy names none.
func TestNamespacesOfPolicies(t *testing.T) {
	shop, any := Policy{Match: []Match{{Namespace: "shop"}, {Namespace: "pay", Workload: "x*"}}}, []string{""}
	require.Equal(t, []string{"pay", "shop"}, Namespaces([]Policy{shop}))
	for _, wide := range []Policy{{}, {Match: []Match{{Workload: "web"}}}, {Match: []Match{{Namespace: "sh*"}}}} {
		require.Equal(t, any, Namespaces([]Policy{shop, wide}))
	}
}
