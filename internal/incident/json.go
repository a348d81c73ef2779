package incident

import (
	"bytes"
	"encoding/json"
)

// Schema names the format of incident.json. Fields may be added under this name; none is removed or changes meaning.
const Schema = "rollbackd/incident/v1"

// document is incident.json.
type document struct {
	Schema string `json:"schema"`
	Summary
}

// JSON renders incident.json, which docs/incident.schema.json describes.
func JSON(entries []Entry) []byte { return Fold(entries).json() }

func (s Summary) json() []byte { return indented(document{Schema: Schema, Summary: s}) }

// JournalLines renders journal.jsonl: every entry as it was recorded, one a line, but for the secrets in pod templates.
func JournalLines(entries []Entry) []byte {
	var out bytes.Buffer
	for _, e := range entries {
		if e.unstored() {
			continue
		}
		line, err := json.Marshal(hider{}.entry(e))
		if err != nil {
			line = unwritable(e, err)
		}
		out.Write(line)
		out.WriteByte('\n')
	}
	return out.Bytes()
}

// unwritable stands in for an entry that JSON cannot hold: one bad entry must not cost the record of the others.
func unwritable(e Entry, err error) []byte {
	bare := struct {
		Entry
		Error string `json:"error"`
	}{Entry{Version: e.Version, ID: e.ID, Seq: e.Seq, At: e.At, Watch: e.Watch, Actor: e.Actor, Kind: e.Kind}, err.Error()}
	line, err := json.Marshal(bare)
	if err != nil {
		return []byte(`{"error":"an entry could not be written"}`)
	}
	return line
}

// indented renders v for people and programs alike, with a line end as text files have.
func indented(v any) []byte {
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		// Only a time outside of the years 0 to 9999 gets here.
		body, _ = json.Marshal(map[string]string{"schema": Schema, "error": err.Error()})
	}
	return append(body, '\n')
}
