"""What Valkey does with timelines, each script one step on the keys of one reader; `clients/timelines.py` says what the keys hold.

A key that holds something of another kind is as good as missing: one that is spoilt must not fail the pipeline of a thousand readers.
"""

_COMMON = """
local function run_id()
    return string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
end
local function is(kind, key)
    return redis.call('TYPE', key).ok == kind
end
local function base_of(key)
    if not is('zset', key) then return end
    local base = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
    if base[1] and string.sub(base[1], 1, 1) == '!' then return base[1], base[2] end
end
local function put(key, member, score, most)
    local mark, floor = base_of(key)
    if not mark or tonumber(score) <= tonumber(floor) then return 0 end
    redis.call('ZADD', key, score, member)
    local over = redis.call('ZCARD', key) - 1 - most
    if over > 0 then
        local lowest = redis.call('ZRANGE', key, over, over, 'WITHSCORES')[2]
        redis.call('ZREMRANGEBYSCORE', key, '-inf', lowest)
        redis.call('ZADD', key, lowest, mark)
    end
    return 1
end
"""
READ = (
    _COMMON
    + """
local mark, floor = base_of(KEYS[1])
if not mark or string.match(mark, ':(%x+)$') ~= run_id() then return false end
redis.call('EXPIRE', KEYS[1], ARGV[1])
local page = redis.call('ZREVRANGEBYSCORE', KEYS[1], ARGV[2], '(' .. floor, 'LIMIT', 0, ARGV[3], 'WITHSCORES')
local reposts = {}
if ARGV[2] ~= '+inf' then
    local low = tonumber(ARGV[2]) > tonumber(floor) and ARGV[2] or floor
    local above = redis.call('ZREVRANGEBYSCORE', KEYS[1], '+inf', '(' .. low, 'WITHSCORES')
    for i = 1, #above, 2 do
        if string.find(above[i], ':', 1, true) then
            reposts[#reposts + 1] = above[i]
            reposts[#reposts + 1] = above[i + 1]
        end
    end
end
return {mark, floor, page, reposts}
"""
)
BEGIN = (
    _COMMON
    + """
if is('list', KEYS[1]) then return false end
redis.call('DEL', KEYS[1])
local build = run_id() .. ':' .. ARGV[1]
redis.call('RPUSH', KEYS[1], build)
redis.call('EXPIRE', KEYS[1], ARGV[2])
return build
"""
)
FINISH = (
    _COMMON
    + """
local run = run_id()
if not is('list', KEYS[2]) then return 0 end
if redis.call('LINDEX', KEYS[2], 0) ~= ARGV[1] or string.match(ARGV[1], '^%x+') ~= run then return 0 end
local late = redis.call('LRANGE', KEYS[2], 1, -1)
local kept = tonumber(ARGV[2])
if ARGV[3] == '1' then kept = math.max(1, redis.call('TTL', KEYS[1])) end
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('ZADD', KEYS[1], ARGV[6], '!' .. ARGV[5] .. ':' .. run)
for i = 7, #ARGV, 500 do
    redis.call('ZADD', KEYS[1], unpack(ARGV, i, math.min(i + 499, #ARGV)))
end
for _, told in ipairs(late) do
    local sign, score, member = string.match(told, '^([+-])(%d+) (.+)$')
    if sign == '+' then
        put(KEYS[1], member, score, tonumber(ARGV[4]))
    else
        redis.call('ZREM', KEYS[1], member)
    end
end
redis.call('EXPIRE', KEYS[1], kept)
return 1
"""
)
GIVE_UP = (
    _COMMON
    + """
if is('list', KEYS[1]) and redis.call('LINDEX', KEYS[1], 0) == ARGV[1] then redis.call('DEL', KEYS[1]) end
"""
)
PUT = (
    _COMMON
    + """
if is('list', KEYS[2]) then redis.call('RPUSH', KEYS[2], '+' .. ARGV[2] .. ' ' .. ARGV[1]) end
return put(KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3]))
"""
)
TAKE = (
    _COMMON
    + """
if is('list', KEYS[2]) then redis.call('RPUSH', KEYS[2], '-0 ' .. ARGV[1]) end
if not is('zset', KEYS[1]) then return 0 end
return redis.call('ZREM', KEYS[1], ARGV[1])
"""
)
