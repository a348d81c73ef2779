package configdocs

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/rollbackd/rollbackd/internal/config"
)

const preface = `# Configuration

<!-- Written by make docs from the comments in internal/config and from internal/config/presets.yaml. Do not edit. -->

The configuration is one YAML file. [deploy/example.yaml](../deploy/example.yaml) is a complete one with comments; this page
lists every key. Whatever is unknown, misspelt or cannot work is refused with its line before anything is started.
Durations are written as Prometheus writes them: ` + "`30s`, `15m`, `1h`, `1h30m`" + `. Paths are relative to the file unless a key says
otherwise.

Editors check the file while it is written, by [config.schema.json](config.schema.json). Those with the YAML language server
need this first line:

` + "```yaml" + `
# yaml-language-server: $schema=https://raw.githubusercontent.com/rollbackd/rollbackd/main/docs/config.schema.json
` + "```" + `
` + "`rollbackctl check-config FILE`" + ` checks it as the daemon would, tells what the policies come to, and warns of what is likely not
meant. ` + "`rollbackctl doctor --config FILE --workload NAMESPACE/NAME`" + ` then asks Prometheus whether the series are there, and says what to
change where they are not.
`

// Markdown returns the reference for people.
func Markdown(top Key, presets []config.Preset) []byte {
	var b strings.Builder
	b.WriteString(preface)
	section(&b, "Top level", top)
	presetSections(&b, presets)
	return []byte(b.String())
}

// section writes the keys of one mapping, and after it the mappings below it.
func section(b *strings.Builder, title string, k Key) {
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n| key | value | default | meaning |\n|---|---|---|---|\n", title, prose(k.Meaning))
	for _, key := range k.Keys {
		name := "`" + key.Name + "`"
		if key.Kind == Mapping {
			name = fmt.Sprintf("[`%s`](#%s)", key.Name, anchor(key.Path))
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", name, cell(value(key)), cell(shownDefault(key)), cell(prose(key.Meaning)))
	}
	for _, key := range k.Keys {
		if key.Kind == Mapping {
			section(b, "`"+key.Path+"`", key)
		}
	}
}

// anchor is what GitHub makes of a heading.
func anchor(title string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("`.[]", r) {
			return -1
		}
		return r
	}, strings.ToLower(title))
}

func value(k Key) string {
	text := string(k.Kind)
	if len(k.Allowed) > 0 {
		text = "`" + strings.Join(k.Allowed, "`, `") + "`"
	}
	if k.Name == "preset" && len(k.Allowed) > 5 {
		text = "one of the [presets](#presets)"
	}
	if k.List {
		text = "list of " + map[Kind]string{Text: "texts", Mapping: "mappings"}[k.Kind]
	}
	return text
}

func shownDefault(k Key) string {
	switch v := k.Default.(type) {
	case nil:
		if k.Required {
			return "required"
		}
		return ""
	case float64:
		return "`" + strconv.FormatFloat(v, 'f', -1, 64) + "`"
	default:
		return fmt.Sprintf("`%v`", v)
	}
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// prose keeps what a comment says from being read as Markdown, but for code between backticks.
func prose(text string) string {
	parts := strings.Split(text, "`")
	for i := 0; i < len(parts); i += 2 {
		parts[i] = strings.NewReplacer("*", `\*`, "<", `\<`, "_", `\_`).Replace(parts[i])
	}
	return strings.Join(parts, "`")
}

func presetSections(b *strings.Builder, presets []config.Preset) {
	b.WriteString("\n## Presets\n\nA signal with `preset: NAME` takes from it what it does not say itself, key by key. " +
		"Each is tested on series as that instrumentation exposes them, scraped by a real Prometheus. " +
		"The bounds are those that the buckets have unless somebody configured others; a latency limit should be one of them.\n")
	for _, p := range presets {
		fmt.Fprintf(b, "\n### `%s`\n\n%s\n\n%s\n\n| | |\n|---|---|\n", p.Name, prose(p.About), prose(p.Needs))
		row := func(name, text string) { fmt.Fprintf(b, "| %s | %s |\n", name, cell(text)) }
		if p.ErrorRate != nil {
			row("requests", "`"+p.ErrorRate.Requests+"`")
			row("errors", "`"+p.ErrorRate.Errors+"`")
		}
		if p.Latency != nil {
			row("histogram", "`"+p.Latency.Histogram+"`")
			row("unit, bounds", "`"+p.Latency.Unit.String()+"`; "+bounds(p.Latency.Bounds))
		}
		row("labels", labels(p.Labels))
		if d := p.Dependencies; d != nil {
			row("dependencies", fmt.Sprintf("requests `%s`, errors `%s`, labels namespace `%s`, caller `%s`, callee `%s`",
				d.Requests, d.Errors, d.Labels.Namespace, d.Labels.Caller, d.Labels.Callee))
		}
		row("source", "<"+p.Source+">")
	}
}

// bounds names the bounds, or as many as a person reads.
func bounds(all []float64) string {
	var out []string
	for _, bound := range all {
		out = append(out, strconv.FormatFloat(bound, 'g', -1, 64))
	}
	if len(out) > 30 {
		return fmt.Sprintf("%d bounds between %s and %s", len(out), out[0], out[len(out)-1])
	}
	return strings.Join(out, ", ")
}

func labels(l config.Labels) string {
	var out []string
	for _, label := range [][2]string{
		{"namespace", l.Namespace}, {"workload", l.Workload}, {"workloadValue", l.WorkloadValue}, {"pod", l.Pod}, {"version", l.Version},
	} {
		if label[1] != "" {
			out = append(out, fmt.Sprintf("%s `%s`", label[0], label[1]))
		}
	}
	return strings.Join(out, ", ")
}
