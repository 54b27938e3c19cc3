-- One message of a replica: what it uses and wants. Answers with what it gets, what the others do, and whether
-- the ledger still knew of it.
-- KEYS[1]: a hash, replica -> JSON of its last message. ARGV: replica, its message, seconds of silence.
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local me, need, silent = ARGV[1], cjson.decode(ARGV[2]), tonumber(ARGV[3])

local elsewhere, arrivals, waiting, replicas = {}, {}, 0, 1
local known = redis.call('HEXISTS', KEYS[1], me) == 1
local all = redis.call('HGETALL', KEYS[1])
for at = 1, #all, 2 do
    if all[at] ~= me then
        local read, other = pcall(cjson.decode, all[at + 1])
        local whole = read and type(other) == 'table' and type(other.using) == 'table'
            and type(other.arrivals) == 'table' and tonumber(other.waiting) and tonumber(other.seen)
        if not whole or other.seen < now - silent then
            redis.call('HDEL', KEYS[1], all[at])
        else
            replicas = replicas + 1
            waiting = waiting + other.waiting
            for server, slots in pairs(other.using) do
                elsewhere[server] = (elsewhere[server] or 0) + slots
            end
            for _, arrived in ipairs(other.arrivals) do
                arrivals[#arrivals + 1] = arrived
            end
        end
    end
end

local using = need.using
local function free(server)
    return need.slots - (elsewhere[server] or 0) - (using[server] or 0)
end

-- What has begun already, and has to go on at another server.
local at_once, mine = {}, {}
for server, wanted in pairs(need.at_once) do
    local given = math.max(math.min(wanted, free(server)), 0)
    if given > 0 then
        at_once[server] = given
        using[server] = (using[server] or 0) + given
    end
    for _ = given + 1, wanted do
        mine[#mine + 1] = 0
    end
end

-- First come, first served, over all replicas: whoever is among the first takes a slot.
local vacant = 0
for _, server in ipairs(need.servers) do
    vacant = vacant + math.max(free(server), 0)
end
local anywhere, given = {}, 0
for _, waited in ipairs(need.waits) do
    local arrived, before = now - waited, given
    for _, other in ipairs(arrivals) do
        if other < arrived then before = before + 1 end
    end
    local chosen
    if before < vacant then
        for _, server in ipairs(need.servers) do
            if free(server) > 0 then
                chosen = server
                break
            end
        end
    end
    if chosen then
        anywhere[chosen] = (anywhere[chosen] or 0) + 1
        using[chosen] = (using[chosen] or 0) + 1
        given = given + 1
    else
        mine[#mine + 1] = arrived
    end
end

local state = { seen = now, using = using, arrivals = mine, waiting = need.waiting - given }
redis.call('HSET', KEYS[1], me, cjson.encode(state))
redis.call('PEXPIRE', KEYS[1], 60000)
return cjson.encode({
    anywhere = anywhere, at_once = at_once, elsewhere = elsewhere, waiting = waiting, replicas = replicas,
    known = known
})
