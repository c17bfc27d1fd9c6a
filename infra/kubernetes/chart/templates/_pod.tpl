{{/* What pods of the release have in common. The same text makes the Deployments, the pods of runs (through dagster.yaml) and those of trainings. */}}

{{- define "srl.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "srl.containerSecurity" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* Everything writable is scratch: the image is read-only. */}}
{{- define "srl.environment" -}}
- {name: HOME, value: /tmp}
- {name: XDG_CACHE_HOME, value: /tmp/cache}
- {name: TMPDIR, value: /tmp}
{{- end -}}

{{- define "srl.postgresEnvironment" -}}
- name: DAGSTER_PG_PASSWORD
  valueFrom:
    secretKeyRef: {name: {{ .root.Values.postgres.existingSecret }}, key: {{ .root.Values.postgres.secretKey }}}
{{- end -}}

{{- define "srl.homeEnvironment" -}}
- {name: SRL_HOME, value: /srl/home}
- {name: SRL_ACTOR, value: {{ printf "%s@%s" .root.Release.Name .root.Release.Namespace | trunc 100 | quote }}}
- {name: HF_HUB_OFFLINE, value: "1"}
- {name: TOKENIZERS_PARALLELISM, value: "false"}
- {name: MPLCONFIGDIR, value: /tmp/matplotlib}
{{- end -}}

{{- define "srl.cloudFrom" -}}
{{- range .root.Values.secrets.cloud }}
- secretRef: {name: {{ . }}}
{{- end }}
{{- end -}}

{{/* Variables of code location and runs: settings, then what Secrets hold. */}}
{{- define "srl.settingsFrom" -}}
- configMapRef: {name: {{ include "srl.name" (dict "root" .root "part" "settings") }}}
{{- include "srl.cloudFrom" . }}
{{- range .root.Values.secrets.teachers }}
- secretRef: {name: {{ . }}}
{{- end }}
{{- end -}}

{{- define "srl.dagsterMounts" -}}
- {name: dagster-home, mountPath: /opt/dagster/home}
- {name: instance, mountPath: /opt/dagster/home/dagster.yaml, subPath: dagster.yaml, readOnly: true}
- {name: tmp, mountPath: /tmp}
{{- end -}}

{{- define "srl.dagsterVolumes" -}}
- name: dagster-home
  emptyDir: {sizeLimit: 256Mi}
- name: instance
  configMap: {name: {{ include "srl.name" (dict "root" .root "part" "instance") }}}
- name: tmp
  emptyDir: {sizeLimit: 4Gi}
{{- end -}}

{{- define "srl.homeMounts" -}}
- {name: home, mountPath: /srl/home}
- {name: files, mountPath: /etc/srl, readOnly: true}
{{- end -}}

{{- define "srl.homeVolumes" -}}
- name: home
{{- with .root.Values.home.claim }}
  persistentVolumeClaim: {claimName: {{ . }}}
{{- else }}
  emptyDir: {sizeLimit: {{ .root.Values.home.sizeLimit }}}
{{- end }}
- name: files
  configMap: {name: {{ include "srl.name" (dict "root" .root "part" "files") }}}
{{- end -}}

{{- define "srl.sharedMemory" -}}
- name: shared-memory
  emptyDir: {medium: Memory, sizeLimit: {{ .root.Values.training.sharedMemory }}}
{{- end -}}

{{- define "srl.trainingResources" -}}
{{- $resources := deepCopy .root.Values.training.resources -}}
{{- if gt (int .root.Values.training.gpus) 0 -}}
{{- $_ := set $resources.limits .root.Values.training.gpuResource (int .root.Values.training.gpus) -}}
{{- $_ := set $resources.requests .root.Values.training.gpuResource (int .root.Values.training.gpus) -}}
{{- end -}}
{{- toYaml $resources -}}
{{- end -}}

{{/* The common part of a pod's specification: account, security, secrets of registries. `token` is "true" or "false". */}}
{{- define "srl.podBase" -}}
serviceAccountName: {{ include "srl.name" . }}
automountServiceAccountToken: {{ .token }}
enableServiceLinks: false
securityContext:
  {{- include "srl.podSecurity" . | nindent 2 }}
{{- with .root.Values.images.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - {name: {{ . }}}
  {{- end }}
{{- end }}
{{- end -}}

{{/* A change of the configuration restarts what reads it. */}}
{{- define "srl.checksum" -}}
checksum/configuration: {{ include (print .root.Template.BasePath "/configuration.yaml") .root | sha256sum }}
{{- end -}}
