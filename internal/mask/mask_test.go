package mask

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestText(t *testing.T) {
	token := "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7aB3dE6gH9"
	for name, c := range map[string]struct{ text, want string }{
		"plain":                       {"connecting to db:5432", "connecting to db:5432"},
		"an assignment":               {"password=hunter2 to db", "password=*** to db"},
		"a variable":                  {"DB_PASSWORD=hunter2", "DB_PASSWORD=***"},
		"a short name":                {"DB_PASS=hunter2", "DB_PASS=***"},
		"no password":                 {"passed: 12, bypassed: 3, compass=on", "passed: 12, bypassed: 3, compass=on"},
		"to the end of the word":      {"password=hunter,2;x rest", "password=*** rest"},
		"JSON":                        {`{"api_key": "a b c", "user": "ana"}`, `{"api_key": "***", "user": "ana"}`},
		"JSON in JSON":                {`{"msg":"{\"password\":\"hun\\\"ter2\"}","n":1}`, `{"msg":"{\"password\":\"***\"}","n":1}`},
		"JSON with an object":         {`{"credentials":{"a":"b","c":["d"]},"n":1}`, `{"credentials":{***},"n":1}`},
		"a list":                      {"tokens=[a b c] n=1", "tokens=[***] n=1"},
		"an empty value":              {`{"token":"","n":1} password= `, `{"token":"","n":1} password= `},
		"an open quote":               {"password=\"hunter2 and more\nnext", "password=\"***\nnext"},
		"YAML":                        {"secret: hunter2", "secret: ***"},
		"Ruby":                        {`:password=>"hunter2", :a=>1`, `:password=>"***", :a=>1`},
		"Go":                          {"map[password:hunter2 user:ana]", "map[password:*** user:ana]"},
		"an index":                    {`config["password"] = "hunter2"`, `config["password"] = "***"`},
		"a flag":                      {"run --db-password hunter2 --port 1", "run --db-password *** --port 1"},
		"in colours":                  {"\x1b[36mpassword\x1b[0m=hunter2 x", "\x1b[36mpassword\x1b[0m=*** x"},
		"a header":                    {"Authorization: Digest username=\"ana\"", "Authorization: ***\"ana\""},
		"a header in JSON":            {`{"Authorization":"Bearer abc def","n":1}`, `{"Authorization":"***","n":1}`},
		"cookies":                     {"Cookie: a=b; c=d\nnext", "Cookie: ***\nnext"},
		"a bearer":                    {"sent bearer abcdefghijk", "sent bearer ***"},
		"a URL":                       {"postgres://app:hunter2@db:5432/shop", "postgres://app:***@db:5432/shop"},
		"a URL with @ in it":          {"postgres://app:hun@ter2@db/shop", "postgres://app:***@db/shop"},
		"a token in a URL":            {"https://ghx0123@github.com/a", "https://***@github.com/a"},
		"a token as user":             {"https://abcdef:x-oauth-basic@github.com/a", "https://***@github.com/a"},
		"MySQL":                       {"app:hunter2@tcp(db:3306)/shop", "app:***@tcp(db:3306)/shop"},
		"Postgres":                    {"host=db user=app password=hunter2 dbname=shop", "host=db user=app password=*** dbname=shop"},
		"ADO":                         {"Server=db;Password=hunter2;Database=shop", "Server=db;Password=***"},
		"a connection string":         {"connectionString: app/hunter2@//db:1521", "connectionString: ***"},
		"a JWT":                       {"got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln now", "got *** now"},
		"AWS":                         {"key AKIAIOSFODNN7EXAMPLE", "key ***"},
		"a random word":               {"got " + token + " now", "got *** now"},
		"a checksum is none":          {"commit 0123456789abcdef0123456789abcdef01234567", "commit 0123456789abcdef0123456789abcdef01234567"},
		"a path is none":              {"db/migrations/2026_11_22_000001_add_orders_table", "db/migrations/2026_11_22_000001_add_orders_table"},
		"a digest is none":            {"registry.example/app:v1@sha256:0a1b", "registry.example/app:v1@sha256:0a1b"},
		"a mail address":              {"no user ana.b@example.com", "no user ***@example.com"},
		"a key":                       {"x -----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY----- y", "x *** y"},
		"a key without end":           {"x -----BEGIN PRIVATE KEY-----\nMIIB\nMIIC", "x ***"},
		"curl":                        {"curl -u app:hunter2 https://x", "curl -u app:*** https://x"},
		"curl in quotes":              {`curl --user "app:hunter2" x`, `curl --user "app:***" x`},
		"a user and a group":          {"docker run -u 1000:1000 x", "docker run -u 1000:1000 x"},
		"sshpass":                     {"sshpass -p hunter2 ssh db", "sshpass -p *** ssh db"},
		"mysql":                       {"mysql -h db -u app -phunter2 shop", "mysql -h db -u app -p*** shop"},
		"redis":                       {"redis-cli -h db -a hunter2 ping", "redis-cli -h db -a *** ping"},
		"a sentence":                  {"the password is hunter2, he said", "the password is *** he said"},
		"a sentence with quotes":      {"New token was set. token is 'a-b-c'", "New token was set. token is '***'"},
		"a sentence that tells none":  {"password is incorrect; the token is expired, the secret is not found", "password is incorrect; the token is expired, the secret is not found"},
		"a block of YAML":             {"a: b\npassword: |\n  hunter\n  2\n\nc: d", "a: b\npassword: ***\n  ***\n\nc: d"},
		"a map of YAML":               {"db:\n  credentials:\n    pin: 1234\n    x: y\n  port: 1", "db:\n  credentials:\n    ***\n  port: 1"},
		"a list of YAML":              {"tokens:\n- abc\n- def\nport: 1", "tokens:\n***\nport: 1"},
		"JSON over lines":             {"{\n  \"credentials\": {\n    \"a\": \"b\"\n  },\n  \"n\": 1\n}", "{\n  \"credentials\": {\n    ***\n  },\n  \"n\": 1\n}"},
		"where a secret is":           {"secretKeyRef:\n  name: db\n  key: x", "secretKeyRef:\n  name: db\n  key: x"},
		"a trace":                     {"wrong password:\n    at Login.check(Login.java:12)", "wrong password:\n    at Login.check(Login.java:12)"},
		"SendGrid":                    {"key SG.abcdefghij0123.ABCDEFGHIJ0123", "key ***"},
		"a webhook of Slack":          {"https://hooks.slack.com/services/T0/B0/abc", "https://hooks.slack.com/services/***"},
		"a signed URL":                {"GET /b?se=1&sig=abc%3D", "GET /b?se=1&sig=***"},
		"a seed of NATS":              {"SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY", "***"},
		"what people look for":        {`password authentication failed for user "app"`, `password authentication failed for user "app"`},
		"a Secret's name":             {`secret "db-credentials" not found`, `secret "db-credentials" not found`},
		"a host that is not resolved": {"dial tcp: lookup db on 10.96.0.10:53: no such host", "dial tcp: lookup db on 10.96.0.10:53: no such host"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := (Masker{}).Text(c.text); got != c.want {
				t.Errorf("%q became\n%q, want\n%q", c.text, got, c.want)
			}
		})
	}
}

func TestExtraExpressions(t *testing.T) {
	m, err := New(`cust-\d+`, `(?i)iban \S+`)
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Text("cust-123 paid by IBAN DE00 today"); got != "*** paid by *** today" {
		t.Errorf("it became %q", got)
	}
	for _, bad := range []string{`(`, `x*`} {
		if _, err := New(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestNamed(t *testing.T) {
	for _, name := range []string{"DB_PASSWORD", "password", "apiKey", "API-KEY", "--token", "stripe.secret.key", "dbPass", "PGPASS_FILE_PASS", "JWT_SIGNING_KEY", "DATABASE_DSN",
		"STRIPE_KEY", "HMAC_KEY", "TLS_KEY", "REDIS_AUTH", "BASIC_AUTH", "DB_CREDS", "GITHUB_PAT", "PASSWORD_SALT"} {
		if !Named(name) {
			t.Errorf("%s is taken for harmless", name)
		}
	}
	for _, name := range []string{"LOG_LEVEL", "PORT", "KEY_COUNT", "PASSED", "BYPASS", "compass", "FEATURE_X", "partition_key", "key", "primary-key", "PATH", "KEYSPACE", "OAUTH", "PIN_COUNT"} {
		if Named(name) {
			t.Errorf("%s is taken for a secret", name)
		}
	}
}

// carriers are how secrets come into logs; %s is the secret.
func carriers() []string {
	return []string{
		"password=%s", "password: %s", "DB_PASSWORD = '%s'", `"token":"%s"`, `{"a":1,"clientSecret": "%s","b":2}`, `\"api_key\":\"%s\"`,
		"x-api-key: %s", "Authorization: Bearer %s", "authorization=Basic %s", "Cookie: session=%s; path=/", "--auth-token %s",
		"https://app:%s@db.example/x", "amqp://%s@mq:5672", "app:%s@tcp(db:3306)/x", "private_key=`%s`", "secrets=[%s, b]", "credentials={%s}",
		"-----BEGIN PRIVATE KEY-----\n%s\n-----END PRIVATE KEY-----", "dsn=%s", ":secret=>%s",
		"curl -u app:%s https://x", "sshpass -p %s ssh x", "the password is %s", "\npassword: |\n  %s\nx", "\ncredentials:\n  a: %s\nx",
	}
}

// TestASecretNeverSurvives plants secrets in surroundings that try to keep them from being found.
func TestASecretNeverSurvives(t *testing.T) {
	const seed = 20261126
	r := rand.New(rand.NewPCG(seed, 0))
	for i := range 8000 {
		secret := word(r, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%*+-._~", 8, 24)
		carrier := carriers()[r.IntN(len(carriers()))]
		text := surroundings(r) + edge(r) + fmt.Sprintf(carrier, secret) + edge(r) + surroundings(r)
		got := (Masker{}).Text(text)
		if strings.Contains(got, secret) {
			t.Fatalf("round %d: the secret %q survived:\n%q\nin\n%q", i, secret, got, text)
		}
		if again := (Masker{}).Text(got); again != got {
			t.Fatalf("round %d: masked again it is another:\n%q\n%q", i, got, again)
		}
	}
}

// edge keeps a carrier whole: a letter right before a name would make another name of it, which is no secret's.
func edge(r *rand.Rand) string {
	return []string{" ", "\n", "\t", " \"", "{", ", ", " ("}[r.IntN(7)]
}

func surroundings(r *rand.Rand) string {
	pieces := []string{
		"error", " ", "\n", "\"", "'", "\\", "{", "}", "[", "]", "=", ":", "@", "://", "password", "token: ", "***", "-----BEGIN CERTIFICATE-----", "-----END X-----",
		"\x1b[31m", "\x00", "é", "日本", "&", ",", ";", "(", ")", "<", ">", "`", "https://a:b@", "--secret ", "Bearer ", "eyJabc", "=>", "\t", "#", "%",
	}
	var b strings.Builder
	for range r.IntN(9) {
		b.WriteString(pieces[r.IntN(len(pieces))])
	}
	return b.String()
}

func word(r *rand.Rand, alphabet string, least, most int) string {
	b := make([]byte, least+r.IntN(most-least))
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(b)
}

func FuzzText(f *testing.F) {
	for _, c := range carriers() {
		f.Add(c)
	}
	f.Add(`password=\"a\\\"b" token={[x] secret=`)
	f.Fuzz(func(t *testing.T, text string) {
		once := (Masker{}).Text(text)
		if again := (Masker{}).Text(once); again != once {
			t.Errorf("%q became\n%q and then\n%q", text, once, again)
		}
	})
}

func BenchmarkText(b *testing.B) {
	line := `{"level":"error","ts":"2026-11-22T10:00:00Z","msg":"query failed","err":"dial tcp 10.0.0.7:5432: connect: connection refused","attempt":3}`
	for b.Loop() {
		(Masker{}).Text(line)
	}
}
