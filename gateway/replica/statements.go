package replica

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"

	"github.com/gomodule/redigo/redis"
)

const (
	// maxStatements bounds the statements in the store and maxStatement the length of one, bytes; oneRead is how many are read at once.
	maxStatements = 4096
	maxStatement  = 16 << 10
	oneRead       = 512
)

// statementsScript adds texts to the sorted set KEYS[1], whose scores number them, and returns its epoch and those after number ARGV[1],
// each with its number. The member with number 0 is the epoch, after a byte that no text begins with. ARGV: the number, how many
// to return, the most to keep, an epoch for a new set; then the texts. The oldest give way. The set is forgotten after 30 days
// without an exchange.
const statementsScript = `
local key = KEYS[1]
local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
if #first == 0 then
  first = {'!' .. ARGV[4], '0'}
  redis.call('ZADD', key, 0, first[1])
end
local last = tonumber(redis.call('ZREVRANGE', key, 0, 0, 'WITHSCORES')[2])
for i = 5, #ARGV do last = last + redis.call('ZADD', key, 'NX', last + 1, ARGV[i]) end
local over = redis.call('ZCARD', key) - 1 - tonumber(ARGV[3])
if over > 0 then redis.call('ZREMRANGEBYRANK', key, 1, over) end
redis.call('PEXPIRE', key, 2592000000)
return {first[1], redis.call('ZRANGEBYSCORE', key, '(' .. ARGV[1], '+inf', 'WITHSCORES', 'LIMIT', 0, tonumber(ARGV[2]))}`

var statementsAtRedis = redis.NewScript(1, statementsScript)

// exchangeStatements tells what was learned here and learns what was learned elsewhere, until nothing is left to read.
func (l *Link) exchangeStatements(ctx context.Context) error {
	l.texts = newest(append(l.texts, l.statements.News()...), maxPending)
	for {
		telling := l.texts[:min(len(l.texts), oneRead)]
		args := []any{l.heard.last, oneRead, maxStatements, rand.Text()}
		for _, text := range telling {
			if len(text) <= maxStatement {
				args = append(args, text)
			}
		}
		answer, err := redis.Values(l.run(ctx, statementsAtRedis, "statements", args...))
		if err != nil {
			return fmt.Errorf("statements: %w", err)
		}
		l.texts = l.texts[len(telling):]
		read, err := l.takeStatements(answer)
		if err != nil || read < oneRead && len(l.texts) == 0 {
			return err
		}
	}
}

// takeStatements reads the script's answer and returns how many statements it held.
func (l *Link) takeStatements(answer []any) (int, error) {
	if len(answer) != 2 {
		return 0, errors.New("statements: answer of another shape")
	}
	epoch, err := redis.String(answer[0], nil)
	if err != nil {
		return 0, fmt.Errorf("statements: epoch: %w", err)
	}
	pairs, err := redis.Strings(answer[1], nil)
	if err != nil {
		return 0, fmt.Errorf("statements: %w", err)
	}
	if known := l.heard.statementsEpoch; known != epoch {
		l.heard.statementsEpoch, l.heard.last = epoch, 0
		if known != "" { // the store lost what it had, or is another one
			l.texts = l.statements.Texts()
			return oneRead, nil
		}
	}
	var texts []string
	for i := 0; i+1 < len(pairs); i += 2 {
		n, err := strconv.ParseInt(pairs[i+1], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("statements: number: %w", err)
		}
		l.heard.last = n
		texts = append(texts, pairs[i])
	}
	if len(texts) > 0 {
		l.statements.Learn(texts)
	}
	return len(texts), nil
}
