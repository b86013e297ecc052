-- Takes a place of a quota by the generic cell rate algorithm.
-- KEYS[1] the counter; ARGV: the time, the interval and the tolerance in milliseconds.
-- Answers 0, or in how many milliseconds there is a place.
local now, interval, tolerance = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local arrival = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
local wait = arrival - now - tolerance
-- Less than the arithmetic is exact to is nothing.
if wait > 0.01 then return math.ceil(wait) end
local next = arrival + interval
redis.call('SET', KEYS[1], string.format('%.3f', next), 'PX', math.max(1, math.ceil(next - now)))
return 0
