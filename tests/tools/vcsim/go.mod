module tools/vcsim

go 1.24.0

require github.com/vmware/govmomi v0.52.0
