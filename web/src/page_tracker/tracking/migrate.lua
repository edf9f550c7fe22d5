-- Brings a site, or one of its days, from version 1 of the data to version 2, in one
-- atomic step. It adds what has an old name to the new one, and deletes the old one. So
-- it can run again at any time, also beside servers of either version.
--
-- KEYS[1] is the prefix of the site's keys. Without arguments, the step moves unique views
-- of the site and of some of its pages. With a day, the moment at which its counts expire,
-- and dimensions, it moves those of the day, and fills the dimensions.
-- The answer is the number of changes. A site needs further steps until it is 0.

local prefix, day, expires = KEYS[1], ARGV[1], ARGV[2]
local PAGES_AT_ONCE = 1000

local totals, pages_uniques = prefix .. 'totals', prefix .. 'pages:uniques'

-- Returns the numbers of a hash or of a sorted set, by name, and their sum.
--
-- Redis keeps what a script wrote before an error. So all that could be broken is read
-- before anything is written.
local function read(command, key, ...)
  local found = redis.call(command, key, ...)
  local numbers, sum = {}, 0
  for i = 1, #found, 2 do
    numbers[found[i]] = tonumber(found[i + 1])
    sum = sum + numbers[found[i]]
  end
  return numbers, sum
end

local function score(key, member)
  return tonumber(redis.call('ZSCORE', key, member) or 0)
end

if redis.call('HEXISTS', totals, 'since') == 0 then
  return 0 -- the site was removed
end
local stored = redis.call('HMGET', totals, 'visits', 'uniques')
local site_visits = (stored[1] or 0) + 0 * (stored[2] or 0) -- both must be numbers

local changes = 0

if not day then
  local visits, sum = read('ZRANGE', prefix .. 'pages:visits', 0, PAGES_AT_ONCE - 1,
    'WITHSCORES')
  for page, of_page in pairs(visits) do
    redis.call('ZINCRBY', pages_uniques, of_page, page)
    redis.call('ZREM', prefix .. 'pages:visits', page)
    changes = changes + 1
  end
  if changes == 0 then
    changes = stored[1] and 1 or 0
    sum = site_visits -- is 0, unless an operator changed a number
  end
  if changes > 0 then
    redis.call('HINCRBY', totals, 'uniques', sum)
    -- Not -sum: Redis refuses -0.
    if redis.call('HINCRBY', totals, 'visits', 0 - sum) == 0 then
      redis.call('HDEL', totals, 'visits')
    end
    redis.call('HINCRBY', totals, 'edits', 1)
  end
  return changes
end

local today = prefix .. 'day:' .. day .. ':'
local day_pages, day_uniques = today .. 'pages', today .. 'uniques'
local visits = read('ZRANGE', today .. 'visits', 0, -1, 'WITHSCORES')
local visits_of_hours = read('HGETALL', today .. 'hours:visits')
read('HGETALL', today .. 'hours:uniques')
local _, views = read('HGETALL', today .. 'hours')
local missing = {}
for i = 3, #ARGV do
  local _, sum = read('ZRANGE', today .. ARGV[i], 0, -1, 'WITHSCORES')
  missing[today .. ARGV[i]] = views - sum
end

-- An estimate can be too large. Each version kept its own unique views of a page below
-- the views, but both together may exceed them.
local excess, uniques = 0, {}
local has_both = redis.call('ZCARD', day_uniques) > 0
for page, of_page in pairs(visits) do
  local moved = of_page
  if has_both then
    local before = score(day_uniques, page)
    local room = score(day_pages, page) - before
    moved = math.max(0, math.min(of_page, room))
    local dropped = math.min(of_page - moved, score(pages_uniques, page))
    if dropped > 0 then
      redis.call('ZINCRBY', pages_uniques, -dropped, page)
      redis.call('HINCRBY', totals, 'uniques', -dropped)
    end
    excess = excess + of_page - moved
    moved = moved + before
  end
  if moved > 0 then
    table.insert(uniques, moved)
    table.insert(uniques, page)
  end
end
for i = 1, #uniques, PAGES_AT_ONCE do
  local last = math.min(#uniques, i + PAGES_AT_ONCE - 1)
  redis.call('ZADD', day_uniques, unpack(uniques, i, last))
end
for hour, of_hour in pairs(visits_of_hours) do
  local dropped = math.min(of_hour, excess)
  excess = excess - dropped
  redis.call('HINCRBY', today .. 'hours:uniques', hour, of_hour - dropped)
end
changes = changes + redis.call('DEL', today .. 'visits', today .. 'hours:visits')
redis.call('EXPIREAT', day_uniques, expires, 'NX')
redis.call('EXPIREAT', today .. 'hours:uniques', expires, 'NX')

for key, number in pairs(missing) do
  if number > 0 then
    redis.call('ZINCRBY', key, number, '(unknown)')
    redis.call('EXPIREAT', key, expires, 'NX')
    changes = changes + 1
  end
end
if changes > 0 then
  local month = prefix .. 'month:' .. day:sub(1, 7) .. ':'
  redis.call('UNLINK', month .. 'days', month .. 'summing')
  redis.call('HINCRBY', totals, 'edits', 1)
end
return changes
