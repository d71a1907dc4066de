module tools/eso

go 1.24.0

require github.com/external-secrets/external-secrets v1.3.2
