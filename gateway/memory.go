package gateway

import "runtime/metrics"

// memory is that of this process, bytes.
type memory struct {
	// RSS is what is in RAM; HeapTotal what the heap has of the system, HeapUsed what lives in it; External all else of the
	// runtime's: stacks, its own tables, code it maps.
	RSS       uint64 `json:"rss"`
	HeapTotal uint64 `json:"heapTotal"`
	HeapUsed  uint64 `json:"heapUsed"`
	External  uint64 `json:"external"`
}

// readMemory asks the runtime without stopping it.
func readMemory() memory {
	s := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}, {Name: "/memory/classes/heap/free:bytes"},
		{Name: "/memory/classes/heap/released:bytes"}, {Name: "/memory/classes/total:bytes"},
	}
	metrics.Read(s)
	used, total := s[0].Value.Uint64(), s[0].Value.Uint64()+s[1].Value.Uint64()+s[2].Value.Uint64()
	return memory{RSS: residentBytes(), HeapTotal: total, HeapUsed: used, External: s[4].Value.Uint64() - s[3].Value.Uint64() - total}
}
