-- Keeps a copy where there is no newer one and no tombstone.
-- KEYS[1] the key; ARGV: version, value, milliseconds to live. Answers 1 if it was written.
local stored = redis.call('GET', KEYS[1])
if stored then
  local version = tonumber(string.match(stored, '^(%d+)|'))
  if not version or version >= tonumber(ARGV[1]) then return 0 end
end
redis.call('SET', KEYS[1], ARGV[1] .. '|' .. ARGV[2], 'PX', ARGV[3])
return 1
