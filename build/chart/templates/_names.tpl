{{- define "sparewatt.name" -}}
{{- /* Kubernetes adds eleven characters to it for a label of the pod, which has room for 63. */ -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name .Chart.Name) (contains .Chart.Name .Release.Name) | trunc 52 | trimSuffix "-" }}
{{- end }}

{{- define "sparewatt.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "sparewatt.labels" -}}
{{ include "sparewatt.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "sparewatt.image" -}}
{{- $repository := required "image.repository is empty, and no image is published: build one (docker build -f build/Dockerfile .), push it, and name it." .Values.image.repository -}}
{{- if .Values.image.digest }}{{ $repository }}@{{ .Values.image.digest }}
{{- else }}{{ $repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "sparewatt.inCluster" -}}
{{ include "sparewatt.name" . }}.{{ .Release.Namespace }}.svc
{{- end }}

{{- define "sparewatt.publicUrl" -}}
{{- if .Values.publicUrl }}
{{- if and .Values.tls (hasPrefix "http:" .Values.publicUrl) }}{{ fail "tls is true and publicUrl begins with http: it is https there." }}{{ end }}
{{- .Values.publicUrl }}
{{- else if .Values.ingress.enabled }}{{ if .Values.ingress.tlsSecret }}https{{ else }}http{{ end }}://{{ .Values.ingress.host }}
{{- else }}{{ if .Values.tls }}https{{ else }}http{{ end }}://{{ include "sparewatt.inCluster" . }}:8484{{ end }}
{{- end }}
