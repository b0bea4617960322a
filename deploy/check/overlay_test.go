package check

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// overlay writes what the base's kustomization.yaml shows as an overlay, with a file for each secret, and returns its folder.
func overlay(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../kubernetes/kustomization.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var shown strings.Builder
	for line := range strings.Lines(string(text)) {
		if inside, ok := strings.CutPrefix(line, "#   "); ok {
			shown.WriteString(inside)
		}
	}
	room := t.TempDir()
	dir := filepath.Join(room, "overlay")
	files := map[string]string{"kustomization.yaml": shown.String()}
	for _, name := range []string{"sallyport.yaml", "database_url", "app_password", "admin_token", "tunnel_token", "redis_password", "app_database_url"} {
		files[name] = "changed\n"
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, body := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(filepath.Join(room, "sallyport/deploy/kubernetes"), os.DirFS("../kubernetes")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A pod that names a secret which is in another namespace, or there under another name, waits for ever.
func TestProveOverlayThatTheBaseShowsGivesPodsTheirSecrets(t *testing.T) {
	objects, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), overlay(t))
	if err != nil {
		t.Fatal(err)
	}
	var whole strings.Builder
	made := ""
	for _, o := range objects.Resources() {
		text, err := o.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		whole.Write(text)
		if o.GetKind() == "Secret" {
			made = o.GetName()
			if o.GetNamespace() != "shop" {
				t.Errorf("secret %s is in namespace %q, want shop", made, o.GetNamespace())
			}
		}
	}
	got := strings.Count(whole.String(), "secretName: ")
	if named := strings.Count(whole.String(), "secretName: "+made+"\n"); made == "" || got == 0 || named != got {
		t.Errorf("%d of %d volumes name the secret %q that is made", named, got, made)
	}
	for _, image := range []string{"image: registry.example.com/shop:42", "image: registry.example.com/sallyport:1.0.0"} {
		if !strings.Contains(whole.String(), image) {
			t.Errorf("%s is not in what is built", image)
		}
	}
}
