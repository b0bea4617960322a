package replica

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/gomodule/redigo/redis"
)

// Member is one replica.
type Member struct {
	ID      string `json:"id"`
	Host    string `json:"host"`
	Version string `json:"version"`
	// HTTP and Database are where its doors listen; Database is "" where it has none.
	HTTP     string `json:"http"`
	Database string `json:"database"`
}

// gone is after how many milliseconds without a word a replica is taken for ended.
const gone = 10_000

// membersScript notes the replica ARGV[1] with its JSON ARGV[2] in the hash KEYS[1] and returns the JSON of all that were heard of within
// ARGV[3] milliseconds; those that were not are dropped.
const membersScript = `
local key, t = KEYS[1], redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('HSET', key, ARGV[1], now .. ' ' .. ARGV[2])
redis.call('PEXPIRE', key, 60000)
local answer, all = {}, redis.call('HGETALL', key)
for i = 1, #all, 2 do
  local at, text = string.match(all[i + 1], '^(%d+) (.*)$')
  if now - tonumber(at) > tonumber(ARGV[3]) then redis.call('HDEL', key, all[i]) else table.insert(answer, text) end
end
return answer`

var membersAtRedis = redis.NewScript(1, membersScript)

// exchangeMembers says that this replica lives and returns all that do, sorted by ID.
func (l *Link) exchangeMembers(ctx context.Context) ([]Member, error) {
	self, err := json.Marshal(l.self)
	if err != nil {
		return nil, fmt.Errorf("members: %w", err)
	}
	answer, err := redis.Strings(l.run(ctx, membersAtRedis, "replicas", l.self.ID, self, gone))
	if err != nil {
		return nil, fmt.Errorf("members: %w", err)
	}
	var all []Member
	for _, text := range answer {
		var m Member
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			return nil, fmt.Errorf("members: %w", err)
		}
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b Member) int { return cmp.Compare(a.ID, b.ID) })
	return all, nil
}

// Leave tells the others that this replica ends.
func (l *Link) Leave(ctx context.Context) error {
	c, err := l.pool.GetContext(ctx)
	if err != nil {
		return fmt.Errorf("redis: members: %w", err)
	}
	defer c.Close() //nolint:errcheck // see run
	if _, err := redis.DoContext(c, ctx, "HDEL", l.prefix+"replicas", l.self.ID); err != nil {
		return fmt.Errorf("redis: members: %w", err)
	}
	return nil
}

// Self is this replica.
func (l *Link) Self() Member { return l.self }
