//! A cache that never holds more than its number of entries and gives up the least recently used one.

use std::collections::HashMap;
use std::sync::Arc;

/// Marks the end of the list of entries.
const NONE: usize = usize::MAX;

/// Text keys to values; reading and writing take constant time. All of its memory for entries is taken at the start, so
/// that a full cache stays as large as it is.
#[derive(Debug)]
pub(crate) struct LruCache<V> {
    places: HashMap<Arc<str>, usize>,
    entries: Vec<Entry<V>>,
    most_entries: usize,
    newest: usize,
    oldest: usize,
}

#[derive(Debug)]
struct Entry<V> {
    key: Arc<str>,
    value: V,
    newer: usize,
    older: usize,
}

impl<V> LruCache<V> {
    /// An empty cache for at most that many entries, at least one.
    pub(crate) fn new(most_entries: usize) -> Self {
        let most_entries = most_entries.max(1);
        Self {
            places: HashMap::with_capacity(most_entries + 1),
            entries: Vec::with_capacity(most_entries),
            most_entries,
            newest: NONE,
            oldest: NONE,
        }
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The value of `key`, which becomes the most recently used.
    pub(crate) fn get(&mut self, key: &str) -> Option<&V> {
        let place = *self.places.get(key)?;
        self.unlink(place);
        self.link_as_newest(place);
        Some(&self.entries[place].value)
    }

    /// Remembers `value`; a full cache forgets its least recently used entry.
    pub(crate) fn insert(&mut self, key: &str, value: V) {
        if let Some(&place) = self.places.get(key) {
            self.entries[place].value = value;
            self.unlink(place);
            self.link_as_newest(place);
            return;
        }
        let key: Arc<str> = key.into();
        let entry = Entry { key: Arc::clone(&key), value, newer: NONE, older: NONE };
        let place = if self.entries.len() < self.most_entries {
            self.entries.push(entry);
            self.entries.len() - 1
        } else {
            let place = self.oldest;
            self.unlink(place);
            self.places.remove(&self.entries[place].key);
            self.entries[place] = entry;
            place
        };
        self.places.insert(key, place);
        self.link_as_newest(place);
    }

    fn unlink(&mut self, place: usize) {
        let Entry { newer, older, .. } = self.entries[place];
        match newer {
            NONE => self.newest = older,
            _ => self.entries[newer].older = older,
        }
        match older {
            NONE => self.oldest = newer,
            _ => self.entries[older].newer = newer,
        }
    }

    fn link_as_newest(&mut self, place: usize) {
        self.entries[place].newer = NONE;
        self.entries[place].older = self.newest;
        match self.newest {
            NONE => self.oldest = place,
            newest => self.entries[newest].newer = place,
        }
        self.newest = place;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_least_recently_used_entry_goes_first() {
        let mut cache = LruCache::new(2);
        cache.insert("a", 1);
        cache.insert("b", 2);
        assert_eq!(cache.get("a"), Some(&1));
        cache.insert("c", 3);
        assert_eq!(cache.get("a"), Some(&1));
        assert_eq!(cache.len(), 2);
        assert_eq!(cache.get("b"), None);
        assert_eq!(cache.get("c"), Some(&3));
    }

    proptest! {
        /// Against a plain list, in which the front is the newest.
        #[test]
        fn it_behaves_like_a_list_that_is_searched(
            capacity in 1..6_usize,
            steps in proptest::collection::vec((0..10_u8, any::<bool>(), any::<u16>()), 0..200),
        ) {
            let mut cache = LruCache::new(capacity);
            let mut list: Vec<(String, u16)> = Vec::new();
            for (key, is_write, value) in steps {
                let key = key.to_string();
                let found = list.iter().position(|(known, _)| *known == key).map(|index| list.remove(index));
                if is_write {
                    cache.insert(&key, value);
                    list.insert(0, (key, value));
                    list.truncate(capacity);
                } else {
                    prop_assert_eq!(cache.get(&key).copied(), found.as_ref().map(|&(_, value)| value));
                    list.extend(found.clone());
                    if found.is_some() {
                        list.rotate_right(1);
                    }
                }
                prop_assert_eq!(cache.len(), list.len());
                prop_assert_eq!(cache.places.len(), cache.len());
            }
        }
    }
}
