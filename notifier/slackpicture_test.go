package notifier

import (
	"context"
	"errors"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// picture draws a fixed picture, or fails.
type picture struct {
	png []byte
	err error
}

func (p picture) Picture(context.Context, string) ([]byte, error) { return p.png, p.err }

func TestSlackPicture(t *testing.T) {
	t.Run("is added once", func(t *testing.T) {
		team := newSlackTeam(t)
		team.refuse["files.completeUploadExternal"] = "internal_error" // the next notice tries again
		mustNotify(t, slackSink(team, &notes{}, picture{png: []byte("\x89PNG\r\n\x1a")}), badRelease(), recovered(), badRelease())
		if len(team.files) != 1 || string(team.uploaded) != "\x89PNG\r\n\x1a" {
			t.Fatalf("uploaded %q, and shared it %d times", team.uploaded, len(team.files))
		}
		want := url.Values{"channel_id": {"C024BE91L"}, "thread_ts": {team.messages[0].TS}, "files": {`[{"id":"F123ABC456","title":"shop/checkout v1.2.3 was rolled back, and it helped"}]`}}
		if diff := cmp.Diff(want, team.files[0]); diff != "" {
			t.Errorf("shared (-want +got):\n%s", diff)
		}
	})
	for name, p := range map[string]picture{"there is none": {}, "it cannot be drawn": {err: errors.New("no data")}, "it is too large": {png: make([]byte, maxPicture+1)}} {
		t.Run(name, func(t *testing.T) {
			team := newSlackTeam(t)
			mustNotify(t, slackSink(team, &notes{}, p), badRelease())
			if len(team.messages) != 1 || len(team.calls) != 1 {
				t.Errorf("calls %v", team.calls)
			}
		})
	}
	t.Run("the answer names a place that is not safe", func(t *testing.T) {
		for address, safe := range map[string]bool{"https://files.slack.com/upload/x": true, "http://169.254.169.254/": false, "file:///etc/passwd": false, "": false} {
			if got := (slackAPI{base: DefaultSlack}).trusts(address); got != safe {
				t.Errorf("trusts(%q) = %v", address, got)
			}
		}
	})
}
