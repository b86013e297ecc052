-- Begins an attempt at a password, which counts as a failure from now on.
-- KEYS[1] the counter, COUNT:NEXT; ARGV: the time, then the rule: free failures, the first wait, the longest,
-- the most failures, and how long they are kept, times in milliseconds.
-- Answers 0, or in how many milliseconds an attempt may be made.
local now, free, first = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local longest, most, kept = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local count, next = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+):(%d+)$')
count, next = tonumber(count or 0), tonumber(next or 0)
if count >= most then return math.max(next + kept - now, 1) end
if next > now then return next - now end
count = count + 1
local wait = 0
if count >= free then wait = math.min(first * 2 ^ math.min(count - free, 20), longest) end
redis.call('SET', KEYS[1], string.format('%d:%.0f', count, now + wait), 'PX', kept)
return 0
