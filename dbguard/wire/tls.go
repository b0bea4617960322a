package wire

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"

	"github.com/xdg-go/scram"
)

// tlsRecord is the first byte of a TLS handshake, which no startup message begins with.
const tlsRecord = 0x16

// loadTLS reads the certificate of the client side; nil where none is set.
func loadTLS(s TLS) (*tls.Config, error) {
	if s.CertFile == "" {
		return nil, nil
	}
	cert, err := tls.LoadX509KeyPair(s.CertFile, s.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	if cert.Leaf == nil {
		if cert.Leaf, err = x509.ParseCertificate(cert.Certificate[0]); err != nil {
			return nil, fmt.Errorf("tls: %s: %w", s.CertFile, err)
		}
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, NextProtos: []string{"postgresql"}}, nil
}

// peeked is a connection whose first byte was read ahead.
type peeked struct {
	net.Conn
	ahead []byte
}

func (p *peeked) Read(b []byte) (int, error) {
	if len(p.ahead) > 0 {
		n := copy(b, p.ahead)
		p.ahead = p.ahead[n:]
		return n, nil
	}
	return p.Conn.Read(b)
}

// directTLS begins TLS where the client begins with it instead of asking. It must then speak ALPN "postgresql", so that no other
// protocol's bytes can be led here.
func (x *proxy) directTLS(conn net.Conn) (net.Conn, error) {
	var first [1]byte
	if _, err := io.ReadFull(conn, first[:]); err != nil {
		return conn, errGone
	}
	ahead := &peeked{Conn: conn, ahead: bytes.Clone(first[:])}
	if first[0] != tlsRecord || x.tls == nil {
		return ahead, nil
	}
	secure := tls.Server(ahead, x.tls)
	if err := secure.Handshake(); err != nil {
		return conn, errGone
	}
	if secure.ConnectionState().NegotiatedProtocol != "postgresql" {
		return secure, fatal(codeProtocol, "received direct SSL connection request without ALPN protocol negotiation extension")
	}
	return secure, nil
}

// offerTLS answers an SSLRequest.
func (x *proxy) offerTLS(conn net.Conn) (net.Conn, error) {
	if _, already := conn.(*tls.Conn); already || x.tls == nil {
		if _, err := conn.Write([]byte{'N'}); err != nil {
			return conn, errGone
		}
		return conn, nil
	}
	if _, err := conn.Write([]byte{'S'}); err != nil {
		return conn, errGone
	}
	secure := tls.Server(conn, x.tls)
	if err := secure.Handshake(); err != nil {
		return conn, errGone
	}
	return secure, nil
}

// plain is the connection without the wrapping of peeked, once what was read ahead was used.
func plain(conn net.Conn) net.Conn {
	if p, ok := conn.(*peeked); ok && len(p.ahead) == 0 {
		return p.Conn
	}
	return conn
}

// binding is the channel binding of a TLS connection, tls-server-end-point of RFC 5929; none without TLS.
func (x *proxy) binding(conn net.Conn) scram.ChannelBinding {
	if _, ok := conn.(*tls.Conn); !ok {
		return scram.ChannelBinding{}
	}
	leaf := x.tls.Certificates[0].Leaf
	var sum []byte
	switch leaf.SignatureAlgorithm {
	case x509.SHA384WithRSA, x509.SHA384WithRSAPSS, x509.ECDSAWithSHA384:
		h := sha512.Sum384(leaf.Raw)
		sum = h[:]
	case x509.SHA512WithRSA, x509.SHA512WithRSAPSS, x509.ECDSAWithSHA512:
		h := sha512.Sum512(leaf.Raw)
		sum = h[:]
	case x509.PureEd25519, x509.UnknownSignatureAlgorithm:
		return scram.ChannelBinding{} // RFC 5929 names no hash for these
	default:
		h := sha256.Sum256(leaf.Raw)
		sum = h[:]
	}
	return scram.ChannelBinding{Type: scram.ChannelBindingTLSServerEndpoint, Data: sum}
}
