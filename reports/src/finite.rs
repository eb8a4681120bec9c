//! Refuses numbers that JSON does not have. `serde_json` would write `null` for NaN, and so change what is said.
//!
//! The walk is a serializer that writes nothing, so that no field can be forgotten.

use std::fmt::Display;

use serde::Serialize;
use serde::ser::{self, Serializer};
use thiserror::Error;

/// A number that is NaN or infinite.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{path}` is {value}, expected a finite number")]
pub struct NotFinite {
    /// Where, from the root of the document: `series[0].rate_per_hour.low`.
    pub path: String,
    /// What was found.
    pub value: String,
}

impl ser::Error for NotFinite {
    fn custom<T: Display>(message: T) -> Self {
        Self::from_message(message.to_string())
    }
}

impl NotFinite {
    /// Something that cannot be written as JSON for another reason (a key that is no text). The types of the document
    /// do not hold such a thing.
    pub(crate) fn from_message(message: String) -> Self {
        Self { path: String::new(), value: message }
    }
}

/// Checks every number of a value.
///
/// # Errors
/// [`NotFinite`] for the first that is NaN or infinite.
pub(crate) fn check_finite(value: &impl Serialize) -> Result<(), NotFinite> {
    value.serialize(Walk { path: String::new() })
}

/// Stands at one place of the document.
#[derive(Clone)]
struct Walk {
    path: String,
}

impl Walk {
    fn field(&self, name: &str) -> Self {
        let dot = if self.path.is_empty() { "" } else { "." };
        Self { path: format!("{}{dot}{name}", self.path) }
    }

    fn float(&self, value: f64) -> Result<(), NotFinite> {
        if value.is_finite() { Ok(()) } else { Err(NotFinite { path: self.path.clone(), value: value.to_string() }) }
    }
}

/// Stands at an element, or at the entries of a map or struct.
struct Inside {
    at: Walk,
    index: usize,
    key: String,
}

impl Inside {
    fn new(at: Walk) -> Self {
        Self { at, index: 0, key: String::new() }
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotFinite> {
        let path = format!("{}[{}]", self.at.path, self.index);
        self.index += 1;
        value.serialize(Walk { path })
    }

    fn entry<T: Serialize + ?Sized>(&self, name: &str, value: &T) -> Result<(), NotFinite> {
        value.serialize(self.at.field(name))
    }
}

/// Values without a number in them.
macro_rules! nothing_to_check {
    ($($method:ident($kind:ty)),* $(,)?) => {
        $(fn $method(self, _: $kind) -> Result<(), NotFinite> { Ok(()) })*
    };
}

impl Serializer for Walk {
    type Ok = ();
    type Error = NotFinite;
    type SerializeSeq = Inside;
    type SerializeTuple = Inside;
    type SerializeTupleStruct = Inside;
    type SerializeTupleVariant = Inside;
    type SerializeMap = Inside;
    type SerializeStruct = Inside;
    type SerializeStructVariant = Inside;

    nothing_to_check!(
        serialize_bool(bool),
        serialize_i8(i8),
        serialize_i16(i16),
        serialize_i32(i32),
        serialize_i64(i64),
        serialize_u8(u8),
        serialize_u16(u16),
        serialize_u32(u32),
        serialize_u64(u64),
        serialize_char(char),
        serialize_str(&str),
        serialize_bytes(&[u8]),
        serialize_unit_struct(&'static str),
    );

    fn serialize_f32(self, value: f32) -> Result<(), NotFinite> {
        self.float(f64::from(value))
    }

    fn serialize_f64(self, value: f64) -> Result<(), NotFinite> {
        self.float(value)
    }

    fn serialize_none(self) -> Result<(), NotFinite> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), NotFinite> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), NotFinite> {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<(), NotFinite> {
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), NotFinite> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), NotFinite> {
        value.serialize(self.field(variant))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Inside, NotFinite> {
        Ok(Inside::new(self))
    }

    fn serialize_tuple(self, _: usize) -> Result<Inside, NotFinite> {
        Ok(Inside::new(self))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Inside, NotFinite> {
        Ok(Inside::new(self))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Inside, NotFinite> {
        Ok(Inside::new(self.field(variant)))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Inside, NotFinite> {
        Ok(Inside::new(self))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Inside, NotFinite> {
        Ok(Inside::new(self))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Inside, NotFinite> {
        Ok(Inside::new(self.field(variant)))
    }
}

/// Sequences of every kind.
macro_rules! elements {
    ($($kind:ident::$method:ident),* $(,)?) => {
        $(impl ser::$kind for Inside {
            type Ok = ();
            type Error = NotFinite;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotFinite> {
                self.element(value)
            }

            fn end(self) -> Result<(), NotFinite> {
                Ok(())
            }
        })*
    };
}

elements!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field,
);

/// Structs of every kind.
macro_rules! fields {
    ($($kind:ident),* $(,)?) => {
        $(impl ser::$kind for Inside {
            type Ok = ();
            type Error = NotFinite;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), NotFinite> {
                self.entry(name, value)
            }

            fn end(self) -> Result<(), NotFinite> {
                Ok(())
            }
        })*
    };
}

fields!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for Inside {
    type Ok = ();
    type Error = NotFinite;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), NotFinite> {
        // A key that is no text is refused by the writer itself; here it only names a place.
        let key = serde_json::to_value(key).ok();
        self.key = key.as_ref().and_then(|key| key.as_str()).unwrap_or_default().to_owned();
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotFinite> {
        let key = std::mem::take(&mut self.key);
        self.entry(&key, value)
    }

    fn end(self) -> Result<(), NotFinite> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Serialize)]
    struct Outer {
        list: Vec<Option<f64>>,
        #[serde(flatten)]
        inner: Inner,
    }

    #[derive(Serialize)]
    struct Inner {
        map: BTreeMap<String, f64>,
        kind: Kind,
    }

    #[derive(Serialize)]
    enum Kind {
        Nothing,
        Tuple(f64, f32),
        Named { value: f64 },
    }

    fn path(list: Vec<Option<f64>>, map: f64, kind: Kind) -> Option<String> {
        let inner = Inner { map: BTreeMap::from([("a".to_owned(), 0.0), ("b".to_owned(), map)]), kind };
        check_finite(&Outer { list, inner }).err().map(|error| error.path)
    }

    #[test]
    fn the_place_of_the_number_is_named() {
        let fine = vec![None, Some(1.0), Some(f64::MAX)];
        assert_eq!(path(fine.clone(), 1.0, Kind::Nothing), None);
        assert_eq!(path(vec![None, Some(f64::NAN)], 1.0, Kind::Nothing).unwrap(), "list[1]");
        assert_eq!(path(fine.clone(), f64::INFINITY, Kind::Nothing).unwrap(), "map.b");
        assert_eq!(path(fine.clone(), 1.0, Kind::Tuple(1.0, f32::NAN)).unwrap(), "kind.Tuple[1]");
        assert_eq!(path(fine, 1.0, Kind::Named { value: f64::NEG_INFINITY }).unwrap(), "kind.Named.value");
    }
}
