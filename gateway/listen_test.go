//go:build linux

package gateway

import (
	"strings"
	"testing"
)

func TestAddressOfAnotherMachineIsToldAsSuch(t *testing.T) {
	_, err := listen(t.Context(), "http.listen", "192.0.2.1:8080") // for documentation: nobody has it
	if err == nil || !strings.Contains(err.Error(), "this machine has no such address. Set http.listen to") {
		t.Errorf("got %v", err)
	}
}
