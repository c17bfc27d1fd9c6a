{{/* Names and labels. `part` is one of webserver, daemon, code-location, run, training. */}}

{{- define "srl.name" -}}
{{- printf "%s-%s" .root.Release.Name .part | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "srl.selector" -}}
app.kubernetes.io/name: srl-pipeline
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end -}}

{{- define "srl.labels" -}}
{{ include "srl.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: srl-pipeline
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- end -}}

{{- define "srl.metadata" -}}
name: {{ include "srl.name" . }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "srl.labels" . | nindent 2 }}
{{- end -}}
