-- Takes an attempt back that came to no decision. KEYS[1] the counter, COUNT:NEXT; ARGV: the time.
local count = tonumber(string.match(redis.call('GET', KEYS[1]) or '', '^(%d+):'))
if not count then return 0 end
if count <= 1 then return redis.call('DEL', KEYS[1]) end
redis.call('SET', KEYS[1], string.format('%d:%s', count - 1, ARGV[1]), 'KEEPTTL')
return 1
