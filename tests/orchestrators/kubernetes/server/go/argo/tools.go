//go:build tools

// Keeps the command that the tests build from its own module, `argo`, in go.mod.
package tools

import _ "github.com/argoproj/argo-workflows/v3/cmd/argo"
