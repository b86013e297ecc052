-- Gives a place of a quota back. KEYS[1] the counter; ARGV: the interval in milliseconds.
local arrival = redis.call('GET', KEYS[1])
if not arrival then return 0 end
redis.call('SET', KEYS[1], string.format('%.3f', tonumber(arrival) - tonumber(ARGV[1])), 'KEEPTTL')
return 1
