-- Keeps a document, and lets the oldest go while all are too many bytes, but not for ever at once.
-- KEYS: the order, the bytes of all; ARGV: what keys start with, the hash, the document, the most bytes.
-- All keys are in one slot, by the hash tag of what they start with.
local key = ARGV[1] .. ARGV[2]
local time = redis.call('TIME')
redis.call('ZADD', KEYS[1], time[1] .. '.' .. string.format('%06d', time[2]), ARGV[2])
-- What an entry takes besides its text, in its two places.
local overhead = 512
if redis.call('SET', key, ARGV[3], 'NX') then redis.call('INCRBY', KEYS[2], #ARGV[3] + overhead) end
for _ = 1, 200 do
  if tonumber(redis.call('GET', KEYS[2]) or 0) <= tonumber(ARGV[4]) then break end
  local oldest = redis.call('ZPOPMIN', KEYS[1])[1]
  if not oldest then
    redis.call('DEL', KEYS[2])
    break
  end
  local size = redis.call('STRLEN', ARGV[1] .. oldest)
  redis.call('DEL', ARGV[1] .. oldest)
  redis.call('DECRBY', KEYS[2], size + overhead)
end
return 1
