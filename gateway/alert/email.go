package alert

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strconv"

	"github.com/wneessen/go-mail"
)

// email sends by SMTP.
type email struct {
	set    EmailSettings
	source string
	roots  *x509.CertPool
}

// implicitTLS is the port where TLS comes before the first word: RFC 8314.
const implicitTLS = 465

// Send mails e to all receivers. Off loopback the connection is encrypted or not used.
func (m email) Send(ctx context.Context, e Event) error {
	msg, err := m.message(e)
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	c, err := m.client()
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	if err := c.DialAndSendWithContext(ctx, msg); err != nil {
		return fmt.Errorf("mail by %s: %w", m.set.SMTP, err)
	}
	return nil
}

func (m email) message(e Event) (*mail.Msg, error) {
	msg := mail.NewMsg()
	if err := msg.From(m.set.From); err != nil {
		return nil, err
	}
	if err := msg.To(m.set.To...); err != nil {
		return nil, err
	}
	msg.Subject(e.title() + " (" + m.source + ")")
	msg.SetDateWithValue(e.At)
	msg.SetMessageID()
	msg.SetGenHeader("X-Sallyport-Cause", e.Cause)
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no vacation answers
	msg.SetBodyString(mail.TypeTextPlain, e.text(m.source))
	return msg, nil
}

func (m email) client() (*mail.Client, error) {
	host, port, _ := cutPort(m.set.SMTP)
	n, err := strconv.Atoi(port)
	if err != nil {
		return nil, err
	}
	options := []mail.Option{
		mail.WithPort(n), mail.WithTimeout(sendLimit),
		mail.WithTLSConfig(&tls.Config{ServerName: host, RootCAs: m.roots, MinVersion: tls.VersionTLS12}),
	}
	switch {
	case n == implicitTLS:
		options = append(options, mail.WithSSL())
	case loopbackHost(host):
		options = append(options, mail.WithTLSPolicy(mail.TLSOpportunistic))
	default:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if m.set.PasswordFile == "" {
		return mail.NewClient(host, options...)
	}
	password, err := secretIn(m.set.PasswordFile)
	if err != nil {
		return nil, err
	}
	user := m.set.User
	if user == "" {
		user = m.set.From
	}
	options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(user), mail.WithPassword(password))
	return mail.NewClient(host, options...)
}
