"""Go behaviour that manifests depend on, one module per Go package. Pure: no I/O, no clock."""
