package middleware

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/unrolled/secure"
)

// ReportsPath is where browsers send reports when csp.reports is on; the gateway serves it on the public listener.
const ReportsPath = "/.well-known/sallyport/reports"

// Policies of the presets. The enforced one forbids only what no honest page does, so that it can hold from the first
// day; the reported one is what most apps can reach, and shows what stands in the way.
const (
	structuralPolicy = "base-uri 'self'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
	relaxedPolicy    = "base-uri 'self'; frame-ancestors 'self'; object-src 'none'"
	reportedPolicy   = "default-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'; object-src 'none'; " +
		"img-src 'self' data:; style-src 'self'; script-src 'self'; connect-src 'self'; font-src 'self'"
	permissions = "accelerometer=(), browsing-topics=(), camera=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), payment=(), usb=()"
)

const twoYears = 63_072_000 // seconds

// presetHeaders returns the headers of s.Headers. unrolled/secure computes them, once, for a request that nobody sent:
// set per request they would come on top of the app's own and be lost to informational answers.
func presetHeaders(s Settings, development bool) (http.Header, error) {
	if s.Headers == "off" {
		return http.Header{}, nil
	}
	options := presetOptions(s)
	options.ContentSecurityPolicy = s.CSP.dress(options.ContentSecurityPolicy, development)
	options.ContentSecurityPolicyReportOnly = s.CSP.dress(options.ContentSecurityPolicyReportOnly, development)
	if development {
		// Two years of https would bind every other project on localhost; what would be blocked is only reported.
		options.STSSeconds = 0
		options.ContentSecurityPolicyReportOnly = options.ContentSecurityPolicy + ", " + options.ContentSecurityPolicyReportOnly
		options.ContentSecurityPolicy = ""
	}
	request := &http.Request{Method: http.MethodGet, URL: &url.URL{Scheme: "https", Path: "/"}, Header: http.Header{}}
	h, _, err := secure.New(options).ProcessNoModifyRequest(nil, request)
	if err != nil {
		return nil, fmt.Errorf("security headers: %w", err)
	}
	h.Set("Origin-Agent-Cluster", "?1")
	if s.CSP.Reports && !development {
		h.Set("Reporting-Endpoints", `sallyport="`+ReportsPath+`"`)
	}
	return h, nil
}

func presetOptions(s Settings) secure.Options {
	o := secure.Options{
		STSSeconds: twoYears, STSIncludeSubdomains: true, ForceSTSHeader: true,
		CustomFrameOptionsValue: "DENY", ContentTypeNosniff: true, CustomBrowserXssValue: "0",
		ContentSecurityPolicy: structuralPolicy, ContentSecurityPolicyReportOnly: reportedPolicy,
		ReferrerPolicy: "strict-origin-when-cross-origin", PermissionsPolicy: permissions,
		CrossOriginOpenerPolicy: "same-origin", CrossOriginResourcePolicy: "same-origin",
		XDNSPrefetchControl: "off", XPermittedCrossDomainPolicies: "none",
	}
	if s.Headers == "relaxed" {
		o.STSSeconds, o.STSIncludeSubdomains = twoYears/2, false
		o.CustomFrameOptionsValue, o.ContentSecurityPolicy = "SAMEORIGIN", relaxedPolicy
		o.CrossOriginOpenerPolicy, o.CrossOriginResourcePolicy = "same-origin-allow-popups", "same-site"
	}
	if s.CSP.Policy != "" {
		o.ContentSecurityPolicy = s.CSP.Policy
	}
	if s.CSP.ReportOnly != "" {
		o.ContentSecurityPolicyReportOnly = s.CSP.ReportOnly
	}
	return o
}

// dress adds to policy where its violations are reported, and hides its nonces. Browsers prefer report-to, and send nothing
// by it without https: in development there is report-uri alone.
func (s CSP) dress(policy string, development bool) string {
	policy = strings.ReplaceAll(policy, nonceMark, hiddenMark)
	if policy == "" || !s.Reports {
		return policy
	}
	policy += "; report-uri " + ReportsPath
	if !development {
		policy += "; report-to sallyport"
	}
	return policy
}
