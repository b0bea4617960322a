package replica

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/gomodule/redigo/redis"

	"sallyport/middleware"
)

// maxHolds bounds the holds in the store, like those in memory.
const maxHolds = 10_000

// holdsScript applies changes to the hash KEYS[1] and returns its epoch, its version and, where that is not ARGV[1] of epoch ARGV[2],
// every hold. The hash has the fields e (epoch), v (version) and c:CLIENT with "MILLISECONDS JSON", the end of the sentence first. ARGV:
// version and epoch that are known, the most holds, an epoch for a new hash; then for each change a client, the end of the sentence in
// Unix milliseconds and the hold's JSON, "" for a release. A longer sentence stays. Past the bound those go that are over, and
// then those that end first.
const holdsScript = `
local key, t = KEYS[1], redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if redis.call('HSETNX', key, 'e', ARGV[4]) == 1 then redis.call('HSET', key, 'v', 0) end
local ttl = math.max(redis.call('PTTL', key), 3600000)
for i = 5, #ARGV, 3 do
  local field, ends, text = 'c:' .. ARGV[i], tonumber(ARGV[i + 1]), ARGV[i + 2]
  if text == '' then redis.call('HDEL', key, field)
  else
    local old = redis.call('HGET', key, field)
    if not old or tonumber(string.match(old, '^%d+')) < ends then redis.call('HSET', key, field, ARGV[i + 1] .. ' ' .. text) end
    ttl = math.max(ttl, ends - now + 60000)
  end
end
redis.call('PEXPIRE', key, ttl)
local most = tonumber(ARGV[3])
if #ARGV > 4 then
  redis.call('HINCRBY', key, 'v', 1)
  if redis.call('HLEN', key) - 2 > most then
    local all, list = redis.call('HGETALL', key), {}
    for i = 1, #all, 2 do
      if string.sub(all[i], 1, 2) == 'c:' then table.insert(list, {all[i], tonumber(string.match(all[i + 1], '^%d+'))}) end
    end
    table.sort(list, function(a, b) return a[2] > b[2] end)
    for i, hold in ipairs(list) do
      if i > most or hold[2] <= now then redis.call('HDEL', key, hold[1]) end
    end
  end
end
local epoch, version = redis.call('HGET', key, 'e'), redis.call('HGET', key, 'v')
if version == ARGV[1] and epoch == ARGV[2] then return {epoch, version} end
local answer, all = {epoch, version}, redis.call('HGETALL', key)
for i = 1, #all, 2 do
  if string.sub(all[i], 1, 2) == 'c:' then table.insert(answer, string.match(all[i + 1], '^%d+ (.*)$')) end
end
return answer`

var holdsAtRedis = redis.NewScript(1, holdsScript)

// exchangeHolds tells the changes and takes the whole list where it is not the one that is known.
func (l *Link) exchangeHolds(ctx context.Context) error {
	l.changes = newest(append(l.changes, l.holds.Changes()...), maxPending)
	args := []any{l.heard.version, l.heard.holdsEpoch, maxHolds, rand.Text()} // an epoch is never used twice
	for _, c := range l.changes {
		if c.Released {
			args = append(args, c.Client, 0, "")
			continue
		}
		text, err := json.Marshal(c.Hold)
		if err != nil {
			return fmt.Errorf("holds: %w", err)
		}
		args = append(args, c.Client, c.Until.UnixMilli(), text)
	}
	answer, err := redis.Strings(l.run(ctx, holdsAtRedis, "holds", args...))
	if err != nil {
		return fmt.Errorf("holds: %w", err)
	}
	return l.takeHolds(answer)
}

// takeHolds reads the script's answer.
func (l *Link) takeHolds(answer []string) error {
	if len(answer) < 2 {
		return errors.New("holds: answer of another shape")
	}
	var version int64
	if _, err := fmt.Sscan(answer[1], &version); err != nil {
		return fmt.Errorf("holds: version: %w", err)
	}
	l.changes = nil
	known := l.heard.holdsEpoch
	if known == answer[0] && version == l.heard.version {
		return nil
	}
	if known != "" && known != answer[0] {
		// The store lost what it had, or is another one: everybody tells all, and until then nobody forgets.
		l.heard.holdsEpoch, l.heard.version = answer[0], -1
		l.changes = l.holds.All()
		return nil
	}
	all := make([]middleware.Hold, 0, len(answer)-2)
	for _, text := range answer[2:] {
		var hold middleware.Hold
		if err := json.Unmarshal([]byte(text), &hold); err != nil {
			return fmt.Errorf("holds: %w", err)
		}
		all = append(all, hold)
	}
	l.heard.holdsEpoch, l.heard.version = answer[0], version
	l.holds.Replace(all)
	return nil
}
