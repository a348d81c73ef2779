package incident

// File is one file of an incident's folder.
type File struct {
	// Name is its path below the folder, with slashes; it never depends on anything that came from outside.
	Name string
	Body []byte
}

// Files renders the folder of an incident from the entries of its journal and annex: the same entries always give the same files.
// Whoever shows an incident, wherever, shows these.
func Files(entries []Entry) []File {
	return []File{
		{"timeline.md", Timeline(entries)},
		{"status-page.md", StatusPage(entries)},
		{"incident.json", JSON(entries)},
		{"journal.jsonl", JournalLines(entries)},
	}
}
