package main

import (
	"bytes"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"sigs.k8s.io/yaml"

	"github.com/rollbackd/rollbackd/internal/bus"
)

// natsDir is the folder of what is for a NATS server of the user's own.
const natsDir = "deploy/nats"

// productionBus is the daemon of values-production.yaml; three servers keep each stream.
func productionBus() bus.Options {
	return bus.Options{Instance: "production", Environments: []string{"production"}, Replicas: 3}
}

// natsFiles are the streams as resources of NACK, and the permissions of the daemon, a team and a person, as the code has them.
func natsFiles(string) (map[string][]byte, error) {
	nack, err := nackResources()
	if err != nil {
		return nil, err
	}
	permissions, err := natsPermissions()
	if err != nil {
		return nil, err
	}
	return map[string][]byte{natsDir + "/nack.yaml": nack, natsDir + "/permissions.conf": permissions}, nil
}

func nackResources() ([]byte, error) {
	wanted, err := bus.Want(productionBus())
	if err != nil {
		return nil, err
	}
	var objects []Object
	for _, s := range wanted.Streams {
		objects = append(objects, nackStream(s))
	}
	for _, b := range wanted.Buckets {
		objects = append(objects, nackBucket(b))
	}
	objects = append(objects, nackConsumer(wanted.Consumer))
	var out bytes.Buffer
	out.WriteString("# What rollbackd wants of NATS, for the controller NACK (jetstream.nats.io). Made from the code by make manifests, for the\n" +
		"# instance production. It is not needed: rollbackd makes what is missing. It leaves limits, replicas and placement as they are here.\n")
	for _, o := range objects {
		content, err := yaml.Marshal(o)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&out, "---\n%s", content)
	}
	return out.Bytes(), nil
}

func nackObject(kind, name string, spec map[string]any) Object {
	for key, value := range spec {
		if value == "" || value == 0 || value == int64(0) {
			delete(spec, key)
		}
	}
	return Object{"apiVersion": "jetstream.nats.io/v1beta2", "kind": kind, "metadata": map[string]any{"name": name}, "spec": spec}
}

func nackStream(s jetstream.StreamConfig) Object {
	name := map[string]string{bus.DeploymentsStream: "deployments", bus.RejectedStream: "rejected"}[s.Name]
	if name == "" {
		name = s.Name
	}
	discard := map[jetstream.DiscardPolicy]string{jetstream.DiscardNew: "new", jetstream.DiscardOld: "old"}[s.Discard]
	compression := map[jetstream.StoreCompression]string{jetstream.S2Compression: "s2"}[s.Compression]
	return nackObject("Stream", name, map[string]any{
		"name": s.Name, "description": s.Description, "subjects": s.Subjects, "storage": "file", "retention": "limits",
		"discard": discard, "maxAge": span(s.MaxAge), "maxBytes": s.MaxBytes, "maxMsgSize": int(s.MaxMsgSize),
		"duplicateWindow": span(s.Duplicates), "compression": compression, "replicas": s.Replicas,
	})
}

func nackBucket(b jetstream.KeyValueConfig) Object {
	return nackObject("KeyValue", b.Bucket, map[string]any{
		"bucket": b.Bucket, "description": b.Description, "history": int(b.History), "ttl": span(b.TTL), "storage": "file", "replicas": b.Replicas,
	})
}

func nackConsumer(c jetstream.ConsumerConfig) Object {
	return nackObject("Consumer", c.Durable, map[string]any{
		"streamName": bus.DeploymentsStream, "durableName": c.Durable, "filterSubjects": c.FilterSubjects, "deliverPolicy": "all",
		"ackPolicy": "explicit", "ackWait": span(c.AckWait), "maxDeliver": c.MaxDeliver, "maxAckPending": c.MaxAckPending,
	})
}

// span is a duration as NACK reads it; no text for none.
func span(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

// natsPermissions is a fragment of nats-server's configuration.
func natsPermissions() ([]byte, error) {
	daemon, err := bus.DaemonPermissions(productionBus())
	if err != nil {
		return nil, err
	}
	shop := []bus.Scope{{Environment: "production", Namespace: "shop"}}
	users := []struct {
		about, name string
		may         bus.Permissions
	}{
		{"The daemon.", "rollbackd", daemon},
		{"What deploys team shop's services: it announces their deployments, and nobody else's.", "ci-shop", bus.User{Name: "ci-shop", Publish: shop}.Permissions()},
		{"Ana, who decides on the rollbacks of team shop. Records show this name.", "ana", bus.User{Name: "ana", Control: shop}.Permissions()},
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, `# An account of a nats-server for rollbackd, with a user for the daemon, for each team's deploy tool and for each person. Made from the
# code by make manifests, for the instance production and its environment production. Passwords are variables of the environment here;
# with an operator, the same lists go to: nsc add user --allow-pub … --allow-sub …
#
# A client must use the inbox of its user (rollbackctl does): _INBOX_<user>.

# An entry of the journal may hold several pod templates.
max_payload: %d

accounts {
  ROLLBACKD {
    jetstream: enabled
    users: [
`, bus.MaxPayload)
	for _, u := range users {
		fmt.Fprintf(&out, "      # %s\n      {\n        user: %q, password: $NATS_PASSWORD_%s\n        permissions {\n", u.about, u.name, variable(u.name))
		subjects(&out, "publish", u.may.Publish)
		subjects(&out, "subscribe", u.may.Subscribe)
		if u.may.Replies {
			out.WriteString("          allow_responses: {max: 10, expires: \"1m\"}\n")
		}
		out.WriteString("        }\n      }\n")
	}
	out.WriteString("    ]\n  }\n}\n")
	return out.Bytes(), nil
}

func subjects(out *bytes.Buffer, direction string, allowed []string) {
	fmt.Fprintf(out, "          %s: {allow: [\n", direction)
	for _, s := range allowed {
		fmt.Fprintf(out, "            %q\n", s)
	}
	out.WriteString("          ]}\n")
}

// variable is the name of a user in that of its password's variable.
func variable(user string) string {
	return string(bytes.ToUpper(bytes.ReplaceAll([]byte(user), []byte("-"), []byte("_"))))
}
