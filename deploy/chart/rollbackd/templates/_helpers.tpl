{{- define "rollbackd.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "rollbackd.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 57 | trimSuffix "-" }}
{{- else if contains (include "rollbackd.name" .) .Release.Name }}
{{- .Release.Name | trunc 57 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "rollbackd.name" .) | trunc 57 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "rollbackd.selectorLabels" -}}
app.kubernetes.io/name: {{ include "rollbackd.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "rollbackd.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "rollbackd.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "rollbackd.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "rollbackd.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "rollbackd.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{- /* Whether the daemon runs its own NATS: "true", or nothing. */ -}}
{{- define "rollbackd.embedded" -}}
{{- if not (dig "nats" "url" "" .Values.config) }}true{{ end }}
{{- end }}

{{- /* Whether replicas elect a leader: "true", or nothing. */ -}}
{{- define "rollbackd.elects" -}}
{{- if dig "leaderElection" "enabled" false .Values.config }}true{{ end }}
{{- end }}

{{- /* The ports are those that the configuration says. */ -}}
{{- define "rollbackd.httpPort" -}}
{{- dig "http" "listen" "127.0.0.1:9654" .Values.config | splitList ":" | last }}
{{- end }}

{{- /* The port of probes, if it is one of their own: what http.webConfig asks for, such as a certificate, no kubelet has. */ -}}
{{- define "rollbackd.probesPort" -}}
{{- if dig "http" "probes" "" .Values.config }}
{{- dig "http" "probes" "" .Values.config | splitList ":" | last }}
{{- else if dig "http" "webConfig" "" .Values.config }}9655
{{- end }}
{{- end }}

{{- define "rollbackd.natsPort" -}}
{{- (dig "nats" "embedded" "listen" "127.0.0.1:4222" .Values.config) | splitList ":" | last }}
{{- end }}

{{- /* The port of a URL, or what its scheme stands for. */ -}}
{{- define "rollbackd.portOf" -}}
{{- $url := urlParse . }}
{{- $port := regexFind ":[0-9]+$" $url.host | trimPrefix ":" }}
{{- if $port }}{{ $port }}
{{- else if eq $url.scheme "https" }}443
{{- else if eq $url.scheme "http" }}80
{{- else }}4222
{{- end }}
{{- end }}

{{- /* Nine tenths of the limit of memory, so that what is not of Go's heap has room. The limit is a quantity of Kubernetes: 512Mi, 1.5Gi, 1G or bytes. */ -}}
{{- define "rollbackd.goMemoryLimit" -}}
{{- $limit := dig "limits" "memory" "" (.Values.resources | default dict) }}
{{- $text := ternary (printf "%.0f" (float64 $limit)) ($limit | toString) (kindIs "float64" $limit) }}
{{- $units := dict "" 1 "k" 1000 "M" 1000000 "G" 1000000000 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 }}
{{- if .Values.goMemoryLimit }}
{{- .Values.goMemoryLimit }}
{{- else if regexMatch "^[0-9]+([.][0-9]+)?(k|M|G|Ki|Mi|Gi)?$" $text }}
{{- $bytes := mulf (regexFind "^[0-9.]+" $text | float64) (get $units (regexFind "[A-Za-z]*$" $text)) 0.9 }}
{{- printf "%dMiB" (divf $bytes 1048576 | floor | int) }}
{{- end }}
{{- end }}

{{- /* The configuration. Where it does not say so itself, it is told in which namespaces the daemon has permissions, and which. */ -}}
{{- define "rollbackd.config" -}}
{{- $config := deepCopy .Values.config }}
{{- $kubernetes := dict }}
{{- if and .Values.rbac.create (not .Values.rbac.clusterWide) .Values.watch.namespaces }}
{{- $_ := set $kubernetes "namespaces" .Values.watch.namespaces }}
{{- end }}
{{- if .Values.rbac.create }}
{{- $features := list }}
{{- range list "blueGreen" "canary" "statefulSets" "daemonSets" "argoCD" "fluxHelm" "keda" }}
{{- if get $.Values.rbac.features . }}{{ $features = append $features . }}{{ end }}
{{- end }}
{{- $_ := set $kubernetes "features" $features }}
{{- if .Values.rbac.readOnly }}{{ $_ := set $kubernetes "readOnly" true }}{{ end }}
{{- end }}
{{- if $kubernetes }}
{{- $_ := set $config "kubernetes" (merge (dig "kubernetes" dict $config) $kubernetes) }}
{{- end }}
{{- if and (include "rollbackd.probesPort" .) (not (dig "http" "probes" "" $config)) }}
{{- $_ := set $config.http "probes" (printf "0.0.0.0:%s" (include "rollbackd.probesPort" .)) }}
{{- end }}
{{- toYaml $config }}
{{- end }}

{{- /* What has pods replaced when it changes: all of the configuration, or what the daemon cannot take up while it runs. */ -}}
{{- define "rollbackd.checksum" -}}
{{- if eq .Values.restartOnChange "always" }}
{{- include (print .Template.BasePath "/configmap.yaml") . | sha256sum }}
{{- else if eq .Values.restartOnChange "needed" }}
{{- $config := include "rollbackd.config" . | fromYaml }}
{{- $fixed := dict }}
{{- $restart := .Files.Get "files/restart.yaml" | fromYaml }}
{{- range $key := $restart.but }}
{{- $here := $config }}
{{- range initial (splitList "." $key) }}
{{- if kindIs "map" $here }}{{ $here = get $here . }}{{ end }}
{{- end }}
{{- if kindIs "map" $here }}{{ $_ := unset $here (last (splitList "." $key)) }}{{ end }}
{{- end }}
{{- range $key := $restart.keys }}
{{- $here := $config }}
{{- range splitList "." $key }}
{{- if kindIs "map" $here }}{{ $here = get $here . }}{{ end }}
{{- end }}
{{- $_ := set $fixed $key (default "" $here) }}
{{- end }}
{{- toYaml $fixed | sha256sum }}
{{- end }}
{{- end }}

{{- /* What cannot work is refused, with what to do instead. */ -}}
{{- define "rollbackd.check" -}}
{{- if and (gt (int .Values.replicaCount) 1) (include "rollbackd.embedded" .) }}
{{- fail "replicaCount is more than 1, but the embedded NATS keeps everything in one replica: set config.nats.url, or replicaCount to 1" }}
{{- end }}
{{- if and (gt (int .Values.replicaCount) 1) (not (include "rollbackd.elects" .)) }}
{{- fail "replicaCount is more than 1, but replicas elect no leader: set config.leaderElection.enabled to true" }}
{{- end }}
{{- $probes := dig "http" "probes" "" .Values.config }}
{{- $ports := dict }}
{{- range $port := compact (list (include "rollbackd.httpPort" .) (include "rollbackd.probesPort" .) (ternary (include "rollbackd.natsPort" .) "" (eq (include "rollbackd.embedded" .) "true"))) }}
{{- if hasKey $ports $port }}
{{- fail (printf "port %s is asked for twice: give config.http.listen, config.http.probes (9655 where there is a config.http.webConfig) and config.nats.embedded.listen a port of their own each" $port) }}
{{- end }}
{{- $_ := set $ports $port true }}
{{- end }}
{{- range $label := list "app.kubernetes.io/name" "app.kubernetes.io/instance" }}
{{- if hasKey ($.Values.podLabels | default dict) $label }}
{{- fail (printf "podLabels has %s, by which the chart's own objects find the pods: remove it" $label) }}
{{- end }}
{{- end }}
{{- $mounts := dict }}
{{- range .Values.secretMounts }}
{{- if hasKey $mounts .name }}
{{- fail (printf "secretMounts has the name %s twice: give each a name of its own" .name) }}
{{- end }}
{{- $_ := set $mounts .name true }}
{{- end }}
{{- range $key, $listen := dict "config.http.probes" $probes "config.http.listen" (dig "http" "listen" "127.0.0.1:9654" .Values.config) "config.nats.embedded.listen" (ternary (dig "nats" "embedded" "listen" "127.0.0.1:4222" .Values.config) "" (eq (include "rollbackd.embedded" .) "true")) }}
{{- if or (hasPrefix "127." $listen) (hasPrefix "localhost:" $listen) (hasPrefix "[::1]" $listen) }}
{{- fail (printf "%s is %s, which nothing outside the pod reaches: use 0.0.0.0 as its host" $key $listen) }}
{{- end }}
{{- end }}
{{- if and (gt (int .Values.replicaCount) 1) .Values.persistence.enabled (not (has "ReadWriteMany" .Values.persistence.accessModes)) (not .Values.persistence.existingClaim) }}
{{- fail "replicaCount is more than 1, but the volume is mounted by one node at a time: set persistence.enabled to false, or persistence.accessModes to [ReadWriteMany]" }}
{{- end }}
{{- end }}
