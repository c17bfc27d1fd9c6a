{{/* dagster.yaml of the cluster: the repository's own file, and what only a cluster needs. */}}

{{- define "srl.dagsterYaml" -}}
{{- $own := .root.Files.Get "files/dagster.yaml" | fromYaml -}}
{{- $cluster := include "srl.dagsterCluster" . | fromYaml -}}
{{- toYaml (mergeOverwrite $own $cluster) -}}
{{- end -}}

{{- define "srl.dagsterCluster" -}}
{{- $values := .root.Values -}}
storage:
  postgres:
    postgres_db:
      hostname: {{ $values.postgres.host | quote }}
      port: {{ $values.postgres.port }}
      db_name: {{ $values.postgres.database | quote }}
      username: {{ $values.postgres.user | quote }}
      password: {env: DAGSTER_PG_PASSWORD}
      params: {sslmode: {{ $values.postgres.sslmode }}}
compute_logs:
{{- if $values.computeLogs.bucket }}
  module: dagster_aws.s3.compute_log_manager
  class: S3ComputeLogManager
  config:
    bucket: {{ $values.computeLogs.bucket | quote }}
    prefix: {{ $values.computeLogs.prefix | quote }}
    local_dir: /tmp/compute-logs
    skip_empty_files: true
    upload_interval: 30
{{- else }}
  module: dagster.core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
  config: {}
{{- end }}
concurrency:
  pools: {default_limit: {{ $values.training.maxConcurrent }}}
  runs: {max_concurrent_runs: {{ $values.runs.maxConcurrent }}}
run_monitoring:
  start_timeout_seconds: {{ $values.runs.startTimeoutSeconds }}
run_launcher:
  module: dagster_k8s
  class: K8sRunLauncher
  config:
    job_namespace: {{ .root.Release.Namespace }}
    job_image: {{ $values.images.trainer | quote }}
    image_pull_policy: {{ $values.images.pullPolicy }}
    instance_config_map: {{ include "srl.name" (dict "root" .root "part" "instance") }}
    service_account_name: {{ include "srl.name" (dict "root" .root "part" "run") }}
    dagster_home: /opt/dagster/home
    # A run that crashed is to look crashed to Kubernetes, too.
    fail_pod_on_run_failure: true
    run_k8s_config:
      job_metadata:
        labels:
          {{- include "srl.labels" (dict "root" .root "part" "run") | nindent 10 }}
      job_spec_config:
        # Dagster starts a run again, not Kubernetes: it knows what is finished.
        backoffLimit: 0
        ttlSecondsAfterFinished: {{ $values.runs.ttlSeconds }}
      {{- include "srl.runPod" . | nindent 6 }}
{{- end -}}

{{- define "srl.runPod" -}}
{{- $root := .root -}}
{{- $own := $root.Values.training.ownPod -}}
{{- $place := ternary $root.Values.runs $root.Values.training $own -}}
pod_template_spec_metadata:
  labels:
    {{- include "srl.labels" (dict "root" $root "part" "run") | nindent 4 }}
  annotations:
    {{- include "srl.stay" . | nindent 4 }}
pod_spec_config:
  {{- include "srl.podBase" (dict "root" $root "part" "run" "token" $own) | nindent 2 }}
  terminationGracePeriodSeconds: {{ $root.Values.training.graceSeconds }}
  {{- with $place.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $place.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  volumes:
    {{- include "srl.dagsterVolumes" . | nindent 4 }}
    {{- include "srl.homeVolumes" . | nindent 4 }}
    {{- if not $own }}
    {{- include "srl.sharedMemory" . | nindent 4 }}
    {{- end }}
container_config:
  securityContext:
    {{- include "srl.containerSecurity" . | nindent 4 }}
  env:
    {{- include "srl.environment" . | nindent 4 }}
    {{- include "srl.postgresEnvironment" . | nindent 4 }}
    {{- include "srl.homeEnvironment" . | nindent 4 }}
    {{- if $own }}
    - {name: SRL_TRAINING_POD, value: /etc/srl/training-pod.yaml}
    # A training's pod is owned by the run's: it does not outlive it.
    - name: SRL_POD_NAME
      valueFrom: {fieldRef: {fieldPath: metadata.name}}
    - name: SRL_POD_UID
      valueFrom: {fieldRef: {fieldPath: metadata.uid}}
    {{- end }}
  envFrom:
    {{- include "srl.settingsFrom" . | nindent 4 }}
  volumeMounts:
    {{- include "srl.dagsterMounts" . | nindent 4 }}
    {{- include "srl.homeMounts" . | nindent 4 }}
    {{- if not $own }}
    - {name: shared-memory, mountPath: /dev/shm}
    {{- end }}
  resources:
    {{- if $own }}
    {{- toYaml $root.Values.runs.resources | nindent 4 }}
    {{- else }}
    {{- include "srl.trainingResources" . | nindent 4 }}
    {{- end }}
{{- end -}}

{{/* Nodes that are to go wait for work that would have to be resumed. */}}
{{- define "srl.stay" -}}
cluster-autoscaler.kubernetes.io/safe-to-evict: "false"
karpenter.sh/do-not-disrupt: "true"
{{- end -}}

{{/* Metadata and specification of a training's pod, as the launcher takes them from SRL_TRAINING_POD. */}}
{{- define "srl.trainingPod" -}}
{{- $root := .root -}}
metadata:
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "srl.labels" (dict "root" $root "part" "training") | nindent 4 }}
  annotations:
    {{- include "srl.stay" . | nindent 4 }}
spec:
  {{- include "srl.podBase" (dict "root" $root "part" "training" "token" false) | nindent 2 }}
  restartPolicy: Never
  activeDeadlineSeconds: {{ $root.Values.training.deadlineSeconds }}
  # Process 1 of a container ignores the signal that ends a pod unless it asked for it.
  shareProcessNamespace: true
  terminationGracePeriodSeconds: {{ $root.Values.training.graceSeconds }}
  {{- with $root.Values.training.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $root.Values.training.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: training
      image: {{ $root.Values.images.trainer | quote }}
      imagePullPolicy: {{ $root.Values.images.pullPolicy }}
      command: [python, -m, srl_pipeline.stages]
      securityContext:
        {{- include "srl.containerSecurity" . | nindent 8 }}
      env:
        {{- include "srl.environment" . | nindent 8 }}
        {{- include "srl.homeEnvironment" . | nindent 8 }}
      envFrom:
        - configMapRef: {name: {{ include "srl.name" (dict "root" $root "part" "settings") }}}
        {{- include "srl.cloudFrom" . | nindent 8 }}
      volumeMounts:
        - {name: home, mountPath: /srl/home}
        - {name: tmp, mountPath: /tmp}
        - {name: shared-memory, mountPath: /dev/shm}
      resources:
        {{- include "srl.trainingResources" . | nindent 8 }}
  volumes:
    - name: home
    {{- with $root.Values.home.claim }}
      persistentVolumeClaim: {claimName: {{ . }}}
    {{- else }}
      emptyDir: {sizeLimit: {{ $root.Values.home.sizeLimit }}}
    {{- end }}
    - name: tmp
      emptyDir: {sizeLimit: 4Gi}
    {{- include "srl.sharedMemory" . | nindent 4 }}
{{- end -}}
