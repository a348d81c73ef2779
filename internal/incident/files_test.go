package incident

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	// fences begin and end spans of code; graphPage begins what may be linked to; markup is HTML.
	fences    = regexp.MustCompile("`+")
	graphPage = regexp.MustCompile(`^https?://[^/]+(/.*)?/graph\?`)
	markup    = regexp.MustCompile(`<[a-zA-Z!/?]`)
	// slips are mistakes in formatting.
	slips = regexp.MustCompile(`%!|0001-01-|NaN|Inf\b`)
)

// links are those of a page in Markdown, with and without angle brackets.
var links = regexp.MustCompile(`[^\\]\]\((?:<([^>]*)>|([^)]*))\)`)

// defined are the addresses that a page refers to by number.
var defined = regexp.MustCompile(`(?m)^\[graph \d+\]: <(.*)()>$`)

func TestEveryFileIsLinkedFromTheTimeline(t *testing.T) {
	all := journals(t)
	all["diagnosed"] = withDiagnoses(readJournal(t, "testdata/restored.jsonl"), "x")
	for name, entries := range all {
		files := Files(entries)
		var names, linked []string
		for _, l := range append(links.FindAllStringSubmatch(string(files[0].Body), -1), defined.FindAllStringSubmatch(string(files[0].Body), -1)...) {
			linked = append(linked, l[1]+l[2])
		}
		for _, f := range files {
			names = append(names, f.Name)
			if f.Name != timelineFile && !slices.Contains(linked, f.Name) {
				t.Errorf("%s: timeline.md links to no %s", name, f.Name)
			}
		}
		for _, l := range linked {
			if !strings.HasPrefix(l, "https://prometheus.example/p/graph?") && !slices.Contains(names, l) {
				t.Errorf("%s: timeline.md links to %s, which is not there", name, l)
			}
		}
	}
}

func TestEveryPrefixRendersEveryFile(t *testing.T) {
	for name, entries := range journals(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for cut := range len(entries) + 1 {
				plain := cut > 0 && cut%6 > 0 && cut < len(entries) && entries[cut-1].Tick != nil // one of many
				for _, f := range append(Files(entries[:cut]), File{"changelog.md", Changelog(entries[:cut])}) {
					if plain || f.Name == journalFile {
						continue
					}
					wantSound(t, f)
					if slip := slips.Find(f.Body); slip != nil && name != "hostile" {
						t.Fatalf("cut at %d, %s shows a slip, %q:\n%s", cut, f.Name, slip, f.Body)
					}
				}
			}
		})
	}
}

// wantSound fails if a file could do anything but be read, or is larger than anything that is to be read.
func wantSound(t *testing.T, f File) {
	t.Helper()
	if !filepath.IsLocal(f.Name) || strings.Trim(f.Name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/") != "" || len(f.Name) > maxName+30 {
		t.Fatalf("a file is called %q", f.Name)
	}
	switch filepath.Ext(f.Name) {
	case ".svg":
		wantHarmlessPicture(t, f)
	case ".md":
		wantHarmlessPage(t, f)
	case ".json":
		if !json.Valid(f.Body) {
			t.Fatalf("%s is not JSON:\n%s", f.Name, f.Body)
		}
		return
	case ".jsonl":
		return
	}
	if len(f.Body) > 256<<10 {
		t.Fatalf("%s has %d bytes", f.Name, len(f.Body))
	}
}

// wantHarmlessPicture fails unless a picture is well-formed XML of nothing but shapes and text, which refers to nothing.
func wantHarmlessPicture(t *testing.T, f File) {
	t.Helper()
	decoder := xml.NewDecoder(bytes.NewReader(f.Body))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%s: %v\n%s", f.Name, err, f.Body)
		}
		switch token := token.(type) {
		case xml.StartElement:
			if !slices.Contains([]string{"svg", "style", "rect", "path", "text"}, token.Name.Local) {
				t.Fatalf("%s holds <%s>", f.Name, token.Name.Local)
			}
			for _, a := range token.Attr {
				if !slices.Contains([]string{"xmlns", "class", "viewBox", "role", "aria-label", "x", "y", "width", "height", "d", "text-anchor"}, a.Name.Local) {
					t.Fatalf("%s: <%s> has %s", f.Name, token.Name.Local, a.Name.Local)
				}
			}
		case xml.ProcInst, xml.Directive:
			t.Fatalf("%s holds %v", f.Name, token)
		}
	}
}

// wantHarmlessPage fails if something of a page is HTML, an image, or a link to elsewhere than the folder and Prometheus.
func wantHarmlessPage(t *testing.T, f File) {
	t.Helper()
	prose := withoutCode(string(f.Body))
	for _, l := range append(links.FindAllStringSubmatch(prose, -1), defined.FindAllStringSubmatch(prose, -1)...) {
		to := l[1] + l[2]
		local := filepath.IsLocal(to) || strings.HasPrefix(to, "../../artifacts/integration/")
		if !local && !graphPage.MatchString(to) {
			t.Fatalf("%s links to %q", f.Name, to)
		}
	}
	if bad := markup.FindString(defined.ReplaceAllString(links.ReplaceAllString(prose, ""), "")); bad != "" {
		t.Fatalf("%s holds %q:\n%s", f.Name, bad, prose)
	}
}

// withoutCode leaves out the spans of code of a text in Markdown, in which nothing has a meaning. As CommonMark has it, a span ends at the next
// fence that is as long as the one it began with, and a fence without such an end is text.
func withoutCode(text string) string {
	starts := map[int][]int{} // of the fences, by their length
	for _, run := range fences.FindAllStringIndex(text, -1) {
		starts[run[1]-run[0]] = append(starts[run[1]-run[0]], run[0])
	}
	var prose strings.Builder
	for i := 0; i < len(text); {
		fence := len(text[i:]) - len(strings.TrimLeft(text[i:], "`"))
		switch {
		case text[i] == '\\' && i+1 < len(text):
			prose.WriteString(text[i : i+2])
			i += 2
		case fence > 0:
			ends := starts[fence]
			if next, _ := slices.BinarySearch(ends, i+fence); next < len(ends) {
				i = ends[next] + fence
				continue
			}
			prose.WriteString(text[i : i+fence])
			i += fence
		default:
			prose.WriteByte(text[i])
			i++
		}
	}
	return prose.String()
}

func TestSpansOfCodeAreLeftOut(t *testing.T) {
	for text, want := range map[string]string{
		"a `b` c `<` d":    "a  c  d",
		"`` ` `` and `x`":  " and ",
		"\n`<`\nno `` end": "\n\nno `` end",
		"``a`b``":          "",
		"a \\` b `c` d":    "a \\` b  d",
		"`a\\` b":          " b",
	} {
		if got := withoutCode(text); got != want {
			t.Errorf("withoutCode(%q) = %q, want %q", text, got, want)
		}
	}
}

// hostileFolder is an incident all of whose strings are one string.
func hostileFolder(s string) []Entry {
	body, err := os.ReadFile("testdata/latency.jsonl")
	if err != nil {
		panic(err)
	}
	quoted, _ := json.Marshal(s)
	raw := strings.ReplaceAll(string(body), `"v1.2.3"`, string(quoted))
	for _, field := range []string{"operator", "commit", "verification", "previousVersion", "strategy", "reason", "why", "summary", "message", "detail", "actor", "query", "prometheus"} {
		raw = regexp.MustCompile(`"`+field+`":"(?:[^"\\]|\\.)*"`).ReplaceAllStringFunc(raw, func(string) string { return `"` + field + `":` + string(quoted) })
	}
	raw = strings.ReplaceAll(raw, `"latency":{`, string(quoted)+`:{`)
	raw = strings.ReplaceAll(raw, `"latency":"`, string(quoted)+`:"`)
	raw = strings.ReplaceAll(raw, `"signal":"latency"`, `"signal":`+string(quoted))
	var out []Entry
	for line := range strings.Lines(raw) {
		var e Entry
		if err := json.Unmarshal([]byte(line), &e); err == nil {
			out = append(out, e)
		}
	}
	return out
}

// hostileStrings are those that have broken other renderers.
func hostileStrings() []string {
	return []string{
		"", "</text><script>alert(1)</script>", "]]>\x00\x1b[31m\u202e\u2028", "\" onload=\"x", "&amp;&#0;<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>",
		"../../../etc/passwd", "..\\..\\x", "x\n## Root Causes\n", "![x](http://evil.example/x.png) <img src=x>", "](javascript:alert(1))", "`` ` ```",
		"http://user:secret@evil.example/?x#y", "https://prometheus.example/)> [x](y", "\xff\xfe", "|a|b|", strings.Repeat("\u0430\u0301", 5000),
	}
}

func TestHostileJournalsAreHarmless(t *testing.T) {
	for _, s := range hostileStrings() {
		entries := hostileFolder(s)
		if len(entries) < 30 {
			t.Fatalf("%q leaves %d entries", s, len(entries))
		}
		files := append(Files(entries), File{"changelog.md", Changelog(entries)})
		if len(files) < 7 {
			t.Errorf("%.40q has no chart", s)
		}
		for _, f := range files {
			wantSound(t, f)
			if strings.Contains(string(f.Body), "secret@") && strings.HasSuffix(f.Name, ".md") && strings.Contains(string(f.Body), "(<http://user") {
				t.Errorf("%s links with credentials", f.Name)
			}
		}
	}
}

func TestAHugeVersionMakesNoHugeFile(t *testing.T) {
	event := strings.Replace(string(readJournal(t, "testdata/restored.jsonl")[0].Accepted.Event), "v1.2.3", strings.Repeat("\u202e<", 1<<19), 1)
	entries := readJournal(t, "testdata/restored.jsonl")
	entries[0].Accepted.Event = json.RawMessage(event)
	for _, f := range Files(entries) {
		wantSound(t, f)
	}
}

// FuzzFiles renders folders from journals that hold anything.
func FuzzFiles(f *testing.F) {
	for _, s := range hostileStrings() {
		f.Add([]byte(nil), s)
	}
	paths, _ := filepath.Glob("testdata/*.jsonl")
	for _, path := range paths {
		body, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body, "v1")
	}
	f.Fuzz(func(t *testing.T, journal []byte, s string) {
		entries := hostileFolder(s)
		if len(journal) > 0 {
			entries = nil
		}
		for line := range bytes.Lines(journal) {
			var e Entry
			if err := json.Unmarshal(line, &e); err == nil {
				entries = append(entries, e)
			}
		}
		start := time.Now()
		for _, file := range append(Files(entries), File{"changelog.md", Changelog(entries)}) {
			wantSound(t, file)
		}
		if took := time.Since(start); took > 30*time.Second+time.Duration(len(journal))*time.Microsecond {
			t.Errorf("%d bytes took %s", len(journal), took)
		}
	})
}

func TestEveryIncidentHasItsPictureAsPNG(t *testing.T) {
	all := journals(t)
	for _, name := range []string{"restored", "latency", "business", "smoke", "superseded", "hostile"} {
		entries := all[name]
		body, err := Picture(entries)
		if err != nil || (body == nil) != (len(Fold(entries).pictures(entries)) == 0) {
			t.Errorf("%s: %d bytes, %v", name, len(body), err)
		}
		if body == nil {
			continue
		}
		if size, err := png.DecodeConfig(bytes.NewReader(body)); err != nil || size.Width < 1000 || len(body) > 200<<10 {
			t.Errorf("%s: %v, %d bytes, %v", name, size, len(body), err)
		}
	}
	for _, s := range hostileStrings()[1:4] {
		if body, err := Picture(hostileFolder(s)); err != nil || len(body) == 0 {
			t.Errorf("%.40q: %d bytes, %v", s, len(body), err)
		}
	}
}
