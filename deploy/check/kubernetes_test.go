package check

import (
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// cluster is what the base asks for, by name.
type cluster struct {
	deployments map[string]appsv1.Deployment
	policies    map[string]networkingv1.NetworkPolicy
	budgets     map[string]policyv1.PodDisruptionBudget
	kinds       map[string]int
}

// build runs kustomize and reads each object into Kubernetes' own type, where an unknown field is an error.
func build(t *testing.T) cluster {
	t.Helper()
	objects, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), "../kubernetes")
	if err != nil {
		t.Fatal(err)
	}
	c := cluster{map[string]appsv1.Deployment{}, map[string]networkingv1.NetworkPolicy{}, map[string]policyv1.PodDisruptionBudget{}, map[string]int{}}
	for _, o := range objects.Resources() {
		text, err := o.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		c.kinds[o.GetKind()]++
		if err := c.take(o.GetKind(), o.GetName(), text); err != nil {
			t.Errorf("%s %s: %v", o.GetKind(), o.GetName(), err)
		}
		if ns := o.GetNamespace(); o.GetKind() != "Namespace" && ns != "shop" {
			t.Errorf("%s %s is in namespace %q, want shop", o.GetKind(), o.GetName(), ns)
		}
	}
	return c
}

func (c cluster) take(kind, name string, text []byte) error {
	switch kind {
	case "Deployment":
		var d appsv1.Deployment
		err := yaml.UnmarshalStrict(text, &d)
		c.deployments[name] = d
		return err
	case "NetworkPolicy":
		var p networkingv1.NetworkPolicy
		err := yaml.UnmarshalStrict(text, &p)
		c.policies[name] = p
		return err
	case "PodDisruptionBudget":
		var b policyv1.PodDisruptionBudget
		err := yaml.UnmarshalStrict(text, &b)
		c.budgets[name] = b
		return err
	case "Service":
		return yaml.UnmarshalStrict(text, &corev1.Service{})
	case "ConfigMap":
		return yaml.UnmarshalStrict(text, &corev1.ConfigMap{})
	case "Namespace":
		return yaml.UnmarshalStrict(text, &corev1.Namespace{})
	}
	return fmt.Errorf("a kind that nobody checks")
}

func TestProvePodIsLockedAndHoldsAllThree(t *testing.T) {
	c := build(t)
	pod := c.deployments["shop"].Spec.Template.Spec
	var names []string
	for _, x := range append(pod.InitContainers, pod.Containers...) {
		names = append(names, x.Name)
	}
	if app := pod.Containers[len(pod.Containers)-1]; len(pod.InitContainers) != 1 || app.Lifecycle == nil || app.Lifecycle.PreStop == nil || app.Lifecycle.PreStop.Sleep == nil {
		t.Errorf("the pod does not stop from the outside: sidecars %d, want the gateway alone, and the app after cloudflared: %+v", len(pod.InitContainers), app.Lifecycle)
	}
	if got := strings.Join(names, " "); got != "gateway cloudflared app" {
		t.Errorf("the pod holds %s, want gateway, cloudflared and app", got)
	}
	for name, d := range c.deployments {
		s := d.Spec.Template.Spec
		if p := s.SecurityContext; p == nil || p.RunAsNonRoot == nil || !*p.RunAsNonRoot || p.SeccompProfile == nil || p.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
			t.Errorf("%s: pod security %+v", name, p)
		}
		if s.AutomountServiceAccountToken == nil || *s.AutomountServiceAccountToken {
			t.Errorf("%s gets a token of the cluster's API", name)
		}
		for _, x := range append(s.InitContainers, s.Containers...) {
			checkLocked(t, name+"/"+x.Name, x)
		}
	}
	gateway := pod.InitContainers[0]
	if gateway.ReadinessProbe == nil || gateway.LivenessProbe == nil || gateway.StartupProbe == nil || gateway.ReadinessProbe.HTTPGet.Path != "/readyz" || gateway.LivenessProbe.HTTPGet.Path != "/livez" {
		t.Error("the gateway lacks a probe")
	}
	if b, found := c.budgets["shop"]; !found || b.Spec.MinAvailable == nil || b.Spec.MinAvailable.IntValue() != 1 {
		t.Errorf("disruption budget: got %+v", b.Spec)
	}
}

// checkLocked wants what the restricted pod security standard wants, and a read-only root.
func checkLocked(t *testing.T, name string, x corev1.Container) {
	t.Helper()
	s := x.SecurityContext
	switch {
	case s == nil, s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem, s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation,
		s.Capabilities == nil || len(s.Capabilities.Drop) != 1 || s.Capabilities.Drop[0] != "ALL" || len(s.Capabilities.Add) > 0:
		t.Errorf("%s is not locked down: %+v", name, s)
	}
	if x.Resources.Limits.Memory().IsZero() || x.Resources.Requests.Cpu().IsZero() {
		t.Errorf("%s has no bounds: %+v", name, x.Resources)
	}
}

func TestProveAppNeverSeesTheDatabasesPassword(t *testing.T) {
	pod := build(t).deployments["shop"].Spec.Template.Spec
	keys := map[string][]string{} // of the secret, by volume
	for _, v := range pod.Volumes {
		if v.Secret != nil {
			if len(v.Secret.Items) == 0 {
				t.Errorf("volume %s holds every secret", v.Name)
			}
			for _, i := range v.Secret.Items {
				keys[v.Name] = append(keys[v.Name], i.Key)
			}
		}
	}
	for _, x := range append(pod.InitContainers, pod.Containers...) {
		for _, m := range x.VolumeMounts {
			for _, k := range keys[m.Name] {
				if want := map[string]string{"app_database_url": "app", "tunnel_token": "cloudflared"}[k]; x.Name != want && !(want == "" && x.Name == "gateway") {
					t.Errorf("container %s sees secret %s", x.Name, k)
				}
			}
		}
	}
}

func TestProveNetworkPoliciesLetInWhoMust(t *testing.T) {
	c := build(t)
	all := c.policies["nobody"].Spec
	if len(all.PodSelector.MatchLabels) != 0 || len(all.PolicyTypes) != 2 || len(all.Ingress)+len(all.Egress) != 0 {
		t.Errorf("the rule for everybody lets somebody through: %+v", all)
	}
	for name, port := range map[string]int{"shop": 9901, "postgres": 5432, "redis": 6379} {
		p := c.policies[name].Spec
		if p.PodSelector.MatchLabels["app.kubernetes.io/name"] != name || len(p.Ingress) != 1 || len(p.Ingress[0].Ports) != 1 || p.Ingress[0].Ports[0].Port.IntValue() != port {
			t.Fatalf("%s: lets in %+v, want port %d alone", name, p.Ingress, port)
		}
		if name == "shop" {
			continue
		}
		from := p.Ingress[0].From
		if len(from) != 1 || from[0].PodSelector == nil || from[0].PodSelector.MatchLabels["app.kubernetes.io/name"] != "shop" || from[0].NamespaceSelector != nil {
			t.Errorf("%s lets in %+v, want the shop's pods alone", name, from)
		}
	}
	for _, e := range c.policies["shop"].Spec.Egress {
		if len(e.To) == 0 || len(e.Ports) == 0 {
			t.Errorf("the shop's pods may go anywhere: %+v", e)
		}
	}
}
