-- Takes one page out of all counts of a site, in one atomic step. Its numbers go to
-- "(other)", so that all sums stay equal.
--
-- KEYS[1] is the prefix of the keys of the site, which keys.py lists. No key has that
-- name: record.lua explains why. The arguments are the page, the oldest day that the site
-- keeps, and the site's days in order. The answer is the views of the page. It is false,
-- and nothing was changed, if the site has an earlier day now.
--
-- A server of version 1 may still write visits. The migration moves those of "(other)".

local prefix = KEYS[1]
local page, oldest, first = unpack(ARGV, 1, 3)
local OTHER = '(other)'
local adjusted, audit = prefix .. 'adjusted', prefix .. 'audit'

local since = redis.call('HGET', prefix .. 'totals', 'since')
if not since then
  return 0 -- the site was removed
end
if first and since < first and oldest < first then
  return false
end

-- Moves a score. The page is removed last: an empty set would lose its lifetime.
local function move(key)
  local score = redis.call('ZSCORE', key, page)
  if score then
    redis.call('ZINCRBY', key, score, OTHER)
    redis.call('ZREM', key, page)
  end
  return score or '0'
end

local views = move(prefix .. 'pages')
move(prefix .. 'pages:uniques')
move(prefix .. 'pages:visits')
redis.call('HDEL', prefix .. 'titles', page)

local by_hand = redis.call('HGET', adjusted, page)
if by_hand then
  if redis.call('HINCRBY', adjusted, OTHER, by_hand) == 0 then
    redis.call('HDEL', adjusted, OTHER)
  end
  redis.call('HDEL', adjusted, page)
end

-- Quotes in a page are escaped, so the text of the field is in no other place.
local field = '"page": ' .. cjson.encode(page) .. ','
for place, entry in ipairs(redis.call('LRANGE', audit, 0, -1)) do
  local from, to = string.find(entry, field, 1, true)
  if from then
    redis.call('LSET', audit, place - 1,
      entry:sub(1, from - 1) .. '"page": "' .. OTHER .. '",' .. entry:sub(to + 1))
  end
end

for argument = 3, #ARGV do
  local day = prefix .. 'day:' .. ARGV[argument] .. ':'
  move(day .. 'pages')
  move(day .. 'uniques')
  move(day .. 'visits')
  redis.call('DEL', day .. 'visitors:' .. page)
end

return views
