-- Takes an attempt back that came to no decision; what others have failed at the same time stays.
-- KEYS[1] the counter, COUNT:NEXT; ARGV: the time, free failures.
local count, next = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+):(%d+)$')
if not count then return 0 end
count = tonumber(count) - 1
if count <= 0 then return redis.call('DEL', KEYS[1]) end
if count < tonumber(ARGV[2]) then next = ARGV[1] end
redis.call('SET', KEYS[1], string.format('%d:%s', count, next), 'KEEPTTL')
return 1
