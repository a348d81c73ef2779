package diagnosis

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/rollbackd/rollbackd/internal/mask"
)

// at is when everything here happens.
var at = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

func TestShapes(t *testing.T) {
	for text, want := range map[string]string{
		"query 42 failed after 1.5s":                                              "query <n> failed after <n>s",
		"dial tcp 10.0.0.7:5432: connect: connection refused":                     "dial tcp <addr>: connect: connection refused",
		"read tcp 10.0.0.1:4242->10.0.0.7:5432: i/o timeout":                      "read tcp <addr>: i/o timeout",
		"[2001:db8::1]:443 refused":                                               "<addr> refused",
		"2026-11-22T10:00:00.123Z order 9f8e7d6c-1111-2222-3333-444455556666 bad": "<time> order <id> bad",
		"22/Nov/2026:10:00:00 +0100 failed":                                       "<time> failed",
		`relation "orders_v2" does not exist`:                                     "relation <str> does not exist",
		"can't open 'a b': no such file":                                          "can't open <str>: no such file",
		"GET https://a.example/x?y=1 failed":                                      "GET <url> failed",
		"at 0xc000123456 commit deadbeef12345678":                                 "at <hex> commit <hex>",
		"pod checkout-7c9f6d5b4-abc12 failed":                                     "pod checkout-<hex>-abc<n> failed",
		"worker3 took 15ms, in a1b2c":                                             "worker<n> took <n>ms, in <id>",
		"  many   spaces\tare one ":                                               "many spaces are one",
		"version 1.2.3 of 4.5":                                                    "version <n> of <n>",
		"token aVeryLongIdentifierWith1Digit":                                     "token <id>",
	} {
		if got := ShapeOf(text); got != want {
			t.Errorf("%q has the shape\n%q, want\n%q", text, got, want)
		}
	}
}

func TestLines(t *testing.T) {
	for raw, want := range map[string]struct {
		message string
		isError bool
	}{
		"2026-11-22T10:00:01.5Z ERROR cannot do it\n":                                  {"ERROR cannot do it", true},
		"2026-11-22T10:00:01Z serving on :8080":                                        {"", false},
		"2026-11-22T10:00:01Z INFO no error so far":                                    {"INFO no error so far", false},
		"2026-11-22T10:00:01Z \x1b[31mERROR\x1b[0m red":                                {"ERROR red", true},
		`2026-11-22T10:00:01Z {"level":"error","msg":"query failed","err":"timeout"}`:  {"query failed: timeout", true},
		`2026-11-22T10:00:01Z {"level":"info","msg":"0 errors"}`:                       {"0 errors", false},
		`2026-11-22T10:00:01Z {"level":50,"msg":"broke","err":{"message":"refused"}}`:  {"broke: refused", true},
		`2026-11-22T10:00:01Z time=x level=error msg="it \"broke\"" err="dial: error"`: {`it "broke": dial: error`, true},
		`2026-11-22T10:00:01Z level=warn msg="an error, retried"`:                      {"an error, retried", false},
		"2026-11-22T10:00:01Z E1122 10:00:01.000000 1 main.go:1] it broke":             {"E1122 10:00:01.000000 1 main.go:1] it broke", true},
		"2026-11-22T10:00:01Z I1122 10:00:01.000000 1 main.go:1] an error was fixed":   {"I1122 10:00:01.000000 1 main.go:1] an error was fixed", false},
		"2026-11-22T10:00:01Z java.lang.NullPointerException: x is null":               {"java.lang.NullPointerException: x is null", true},
		"2026-11-22T10:00:01Z login failed password=hunter2":                           {"login failed password=***", true},
		"no time, but an error": {"no time, but an error", true},
	} {
		_, text := splitTime(raw)
		l := readLine(text, mask.Masker{}.Text)
		if l.isError != want.isError || (want.isError || want.message != "") && l.message != want.message {
			t.Errorf("%q: error %v, message %q", raw, l.isError, l.message)
		}
	}
}

func TestTrends(t *testing.T) {
	for name, c := range map[string]struct {
		release, before int
		rm, bm          float64
		want            Trend
	}{
		"never before":                         {30, 0, 10, 10, New},
		"once, when little is expected":        {1, 0, 10, 10, Unknown},
		"nothing seen of before":               {30, 0, 10, 0, Unknown},
		"before was seen too short":            {30, 0, 10, 0.5, Unknown},
		"twice as often":                       {40, 20, 10, 10, Risen},
		"as often":                             {20, 20, 10, 10, Same},
		"as often by time":                     {2, 20, 1, 10, Same},
		"half as often":                        {10, 20, 10, 10, Fallen},
		"no longer":                            {0, 20, 10, 10, Fallen},
		"too short to tell that it is no more": {0, 20, 0.1, 10, Fallen},
	} {
		if got := trendOf(c.release, c.before, c.rm, c.bm); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// logOf is a log of ten minutes that holds these lines, each repeated so many times.
func logOf(pod string, side Side, lines map[string]int) Source {
	var b strings.Builder
	for text, n := range lines {
		for i := range n {
			fmt.Fprintf(&b, "%s %s\n", at.Add(time.Duration(i)*time.Second).Format(time.RFC3339Nano), text)
		}
	}
	return Source{Log: Log{Pod: pod, Container: "app", Side: side}, Text: b.String(), From: at, To: at.Add(10 * time.Minute)}
}

func TestShapesAreCountedAndComparedPerMinute(t *testing.T) {
	logs := Count([]Source{
		logOf("new-a", Release, map[string]int{"ERROR query 1 failed": 50, "ERROR as ever": 10, "all is well": 100}),
		logOf("new-b", Release, map[string]int{"ERROR query 2 failed": 30, "ERROR as ever": 10}),
		logOf("old-a", Before, map[string]int{"ERROR as ever": 10, "ERROR of old": 40}),
	}, mask.Masker{}.Text)
	if logs.ReleaseMinutes != 20 || logs.BeforeMinutes != 10 || len(logs.Read) != 3 || logs.Read[0].Lines != 160 || logs.Read[0].Errors != 60 {
		t.Errorf("what was read is %+v", logs)
	}
	var got []string
	for _, s := range logs.Shapes {
		got = append(got, fmt.Sprintf("%s %d:%d %s %d", s.Shape, s.Release, s.Before, s.Trend, s.Pods))
	}
	want := "ERROR query <n> failed 80:0 new 2|ERROR as ever 20:10 same 2|ERROR of old 0:40 fallen 0"
	if strings.Join(got, "|") != want {
		t.Errorf("the shapes are\n%s, want\n%s", strings.Join(got, "|"), want)
	}
}

// TestALogOfAnythingIsBounded: neither random words nor a single endless line make the result large.
func TestALogOfAnythingIsBounded(t *testing.T) {
	var b strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&b, "%s ERROR %s\n", at.Format(time.RFC3339Nano), strings.Map(func(r rune) rune { return r - '0' + 'a' }, fmt.Sprint(i)))
	}
	long := Source{Log: Log{Pod: "b", Side: Release}, Text: "ERROR " + strings.Repeat("x", 1<<20) + " password=hunter2"}
	logs := Count([]Source{{Log: Log{Pod: "a", Side: Release}, Text: b.String()}, long}, mask.Masker{}.Text)
	if len(logs.Shapes) != mostShapes || logs.MoreShapes < 900 || !logs.Read[0].Cut {
		t.Errorf("%d shapes, %d left out, %+v", len(logs.Shapes), logs.MoreShapes, logs.Read[0])
	}
	d := Fit(Diagnosis{Moment: Regressed, Logs: logs, Diff: strings.Repeat("+ line\n", 1<<20)})
	if n := size(d); n > MaxSize || len(d.Logs.Shapes) != mostShapes {
		t.Errorf("it has %d bytes and %d shapes", n, len(d.Logs.Shapes))
	}
	worst := Diagnosis{Moment: Regressed}
	for range 5000 {
		worst.Events = append(worst.Events, Event{Object: strings.Repeat("<", 300), Message: strings.Repeat("<", 300)})
		worst.Missing = append(worst.Missing, strings.Repeat("<", 1000))
	}
	if d := Fit(worst); size(d) > MaxSize || len(d.Events) == 0 || d.MoreEvents+len(d.Events) != 5000 {
		t.Errorf("it has %d bytes and %d events", size(d), len(d.Events))
	}
	if d := Fit(Diagnosis{Moment: Ended, Release: strings.Repeat("x", 1<<20)}); size(d) > MaxSize || len(d.Missing) != 1 {
		t.Errorf("it has %d bytes", size(d))
	}
}

// TestALevelIsNotTakenForAnyNumber: lines that differ in digits alone are looked at once, unless a digit tells whether they are errors.
func TestALevelIsNotTakenForAnyNumber(t *testing.T) {
	logs := Count([]Source{logOf("new-a", Release, map[string]int{`{"level":30,"msg":"error 1 passed"}`: 5, `{"level":50,"msg":"error 2 passed"}`: 7})}, mask.Masker{}.Text)
	if len(logs.Shapes) != 1 || logs.Shapes[0].Release != 7 {
		t.Errorf("the shapes are %+v", logs.Shapes)
	}
}

func BenchmarkCount(b *testing.B) {
	s := logOf("new-a", Release, map[string]int{"ERROR order 17 failed: dial tcp 10.0.0.7:5432: connect: connection refused": 500, "GET /orders/5 200 in 3ms": 2500})
	for b.Loop() {
		Count([]Source{s}, mask.Masker{}.Text)
	}
}

func TestLastWordsKeepNoPartOfAKey(t *testing.T) {
	var b strings.Builder
	b.WriteString("-----BEGIN PRIVATE KEY-----\n")
	for range 40 {
		b.WriteString("MIIBVgIBADANBgkqhkiG\n")
	}
	b.WriteString("-----END PRIVATE KEY-----\nbye\n")
	logs := Count([]Source{{Log: Log{Pod: "a", Container: "app", Side: Release}, Text: b.String(), Ended: true}}, mask.Masker{}.Text)
	if len(logs.LastWords) != 1 || strings.Join(logs.LastWords[0].Lines, "|") != "***|bye" {
		t.Errorf("the last words are %+v", logs.LastWords)
	}
}

func FuzzShapeOf(f *testing.F) {
	for _, seed := range []string{"1.2.3.4:5 'a' \"b\" `c`", "0x1 deadbeef12 <n>.<n>", strings.Repeat("a1 ", 300)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		once := ShapeOf(plainText(text))
		if again := ShapeOf(once); again != once {
			t.Errorf("%q has the shape\n%q, and that has\n%q", text, once, again)
		}
	})
}

// FuzzCount: whatever a log holds, what is kept of it is text that is fit to be shown, and of a bounded size.
func FuzzCount(f *testing.F) {
	f.Add("2026-11-22T10:00:00Z {\"level\":\"error\",\"msg\":\"x\"}\n\x1b[31mpanic: y\x00\n")
	f.Fuzz(func(t *testing.T, text string) {
		logs := Count([]Source{{Log: Log{Pod: "a", Side: Release}, Text: text, Ended: true, From: at, To: at.Add(time.Minute)}}, mask.Masker{}.Text)
		if math.IsNaN(logs.ReleaseMinutes) {
			t.Error("the minutes are no number")
		}
		data, err := json.Marshal(logs)
		if err != nil || strings.ContainsAny(string(data), "\x00\x1b\u202e") {
			t.Errorf("it is %q: %v", data, err)
		}
	})
}
