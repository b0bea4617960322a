package wire

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/xdg-go/scram"
)

const (
	mechanism        = "SCRAM-SHA-256"
	mechanismBinding = "SCRAM-SHA-256-PLUS"
	scramRounds      = 4096 // PostgreSQL's own number
)

// account is a user that may log in at the door.
type account struct {
	name  string
	admin bool
	keys  scram.StoredCredentials
}

// accounts knows the users, and invents one for each name that is none, so that both take the same steps and the same time.
type accounts struct {
	known map[string]*account
	mock  [32]byte
}

// loadAccounts reads each user's password file and derives its keys once.
func loadAccounts(users []User) (*accounts, error) {
	a := &accounts{known: map[string]*account{}}
	if _, err := rand.Read(a.mock[:]); err != nil {
		return nil, fmt.Errorf("users: %w", err)
	}
	for _, u := range users {
		secret, err := readSecret(u.PasswordFile)
		if err != nil {
			return nil, fmt.Errorf("users: %s: %w", u.Name, err)
		}
		keys, err := storedKeys(secret)
		if err != nil {
			return nil, fmt.Errorf("users: %s: %w", u.Name, err)
		}
		a.known[u.Name] = &account{name: u.Name, admin: u.Admin, keys: keys}
	}
	return a, nil
}

// readSecret is a file's content without the line end that editors leave.
func readSecret(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read secret: %w", err)
	}
	s := strings.TrimRight(string(b), "\r\n")
	if s == "" {
		return "", fmt.Errorf("read secret: %s is empty", path)
	}
	return s, nil
}

// storedKeys are the keys of a password, or those in a verifier as pg_authid has it:
// SCRAM-SHA-256$<rounds>:<salt>$<StoredKey>:<ServerKey>.
func storedKeys(secret string) (scram.StoredCredentials, error) {
	if rest, ok := strings.CutPrefix(secret, mechanism+"$"); ok {
		return readVerifier(rest)
	}
	client, err := scram.SHA256.NewClient("", secret, "")
	if err != nil { // not to be prepared by SASLprep: PostgreSQL then takes it as it is
		if client, err = scram.SHA256.NewClientUnprepped("", secret, ""); err != nil {
			return scram.StoredCredentials{}, fmt.Errorf("derive keys: %w", err)
		}
	}
	salt := make([]byte, 16)
	if _, err := rand.Read(salt); err != nil {
		return scram.StoredCredentials{}, fmt.Errorf("derive keys: %w", err)
	}
	return client.GetStoredCredentialsWithError(scram.KeyFactors{Salt: string(salt), Iters: scramRounds})
}

func readVerifier(s string) (scram.StoredCredentials, error) {
	bad := fmt.Errorf("malformed SCRAM verifier")
	head, keys, ok := strings.Cut(s, "$")
	rounds, salt, ok2 := strings.Cut(head, ":")
	stored, server, ok3 := strings.Cut(keys, ":")
	n, err := strconv.Atoi(rounds)
	if !ok || !ok2 || !ok3 || err != nil || n < 1 {
		return scram.StoredCredentials{}, bad
	}
	var parts [3][]byte
	for i, text := range []string{salt, stored, server} {
		if parts[i], err = base64.StdEncoding.DecodeString(text); err != nil {
			return scram.StoredCredentials{}, bad
		}
	}
	if len(parts[1]) != sha256.Size || len(parts[2]) != sha256.Size {
		return scram.StoredCredentials{}, bad
	}
	return scram.StoredCredentials{
		KeyFactors: scram.KeyFactors{Salt: string(parts[0]), Iters: n}, StoredKey: parts[1], ServerKey: parts[2],
	}, nil
}

// keysOf are the user's keys, invented ones for a stranger: always the same for the same name, so that trying twice tells nothing.
func (a *accounts) keysOf(user string) scram.StoredCredentials {
	if known := a.known[user]; known != nil {
		return known.keys
	}
	derive := func(what string) []byte {
		h := hmac.New(sha256.New, a.mock[:])
		h.Write([]byte(what + "\x00" + user))
		return h.Sum(nil)
	}
	return scram.StoredCredentials{
		KeyFactors: scram.KeyFactors{Salt: string(derive("salt")[:16]), Iters: scramRounds}, StoredKey: derive("stored"), ServerKey: derive("server"),
	}
}

// authenticate has the client prove that it knows the user's password. It returns the account.
func (x *proxy) authenticate(conn net.Conn, user string) (*account, error) {
	binding := x.binding(conn)
	offer := binary.BigEndian.AppendUint32(nil, 10) // AuthenticationSASL
	if binding.IsSupported() {
		offer = appendText(offer, mechanismBinding)
	}
	offer = append(appendText(offer, mechanism), 0)
	if _, err := conn.Write(appendMessage(nil, 'R', offer...)); err != nil {
		return nil, errGone
	}
	body, err := readLogin(conn, 'p')
	if err != nil {
		return nil, err
	}
	chosen, rest, ok := cutText(body)
	if !ok || len(rest) < 4 || int(binary.BigEndian.Uint32(rest)) != len(rest)-4 {
		return nil, fatal(codeProtocol, "malformed SCRAM message")
	}
	talk, p := x.conversation(string(chosen), binding, user)
	if p != nil {
		return nil, p
	}
	if err := exchange(conn, talk, rest[4:]); err != nil {
		return nil, err
	}
	known := x.accounts.Load().known[user]
	if !talk.Valid() || known == nil {
		return nil, wrongPassword(user)
	}
	return known, nil
}

// conversation begins the mechanism that the client chose.
func (x *proxy) conversation(chosen string, binding scram.ChannelBinding, user string) (*scram.ServerConversation, *problem) {
	server, err := scram.SHA256.NewServer(func(string) (scram.StoredCredentials, error) { return x.accounts.Load().keysOf(user), nil })
	switch {
	case err != nil:
		return nil, fatal(codeInternal, "authentication is not available")
	case chosen == mechanismBinding && binding.IsSupported():
		return server.NewConversationWithChannelBindingRequired(binding), nil
	case chosen == mechanism && binding.IsSupported():
		return server.NewConversationWithChannelBinding(binding), nil
	case chosen == mechanism:
		return server.NewConversation(), nil
	}
	return nil, fatal(codeProtocol, "client selected an invalid SASL authentication mechanism")
}

// exchange carries the two messages of each side. A wrong proof is no error here: talk.Valid tells.
func exchange(conn net.Conn, talk *scram.ServerConversation, first []byte) error {
	challenge, err := talk.Step(string(first))
	if err != nil {
		return fatal(codeProtocol, "malformed SCRAM message")
	}
	if _, err := conn.Write(sasl(nil, 11, challenge)); err != nil { // AuthenticationSASLContinue
		return errGone
	}
	proof, err := readLogin(conn, 'p')
	if err != nil {
		return err
	}
	signature, err := talk.Step(string(proof))
	if err != nil {
		return nil
	}
	if _, err := conn.Write(sasl(nil, 12, signature)); err != nil { // AuthenticationSASLFinal
		return errGone
	}
	return nil
}

func sasl(dst []byte, code uint32, text string) []byte {
	return appendMessage(dst, 'R', append(binary.BigEndian.AppendUint32(nil, code), text...)...)
}

func wrongPassword(user string) *problem {
	return fatal(codePassword, "password authentication failed for user %q", user)
}
