//! Verification of signed proofs: one, many at once, and of a biometric template.

use ed25519_dalek::{Signature, VerifyingKey, verify_batch};
use serde::{Deserialize, Serialize};

use super::hex::HexBytes;
use super::{WorkError, read_json, write_json};

/// Most proofs in one batch.
const MOST_PROOFS: usize = 256;

/// Most features of a template.
const MOST_FEATURES: usize = 1024;

/// A message and who is said to have signed it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Proof {
    pub(crate) public_key: HexBytes,
    pub(crate) message: HexBytes,
    pub(crate) signature: HexBytes,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BatchRequest {
    pub(crate) proofs: Vec<Proof>,
}

/// A template that was signed when the person was enrolled, and a sample that was taken now.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BiometricRequest {
    pub(crate) public_key: HexBytes,
    pub(crate) template: HexBytes,
    pub(crate) signature: HexBytes,
    pub(crate) sample: HexBytes,
    pub(crate) threshold: f64,
}

/// An answer on its way to the client, and whether it says that everything is in order.
pub(crate) struct Verified {
    pub(crate) answer: Vec<u8>,
    pub(crate) is_valid: bool,
}

struct Parts<'a> {
    key: VerifyingKey,
    message: &'a [u8],
    signature: Signature,
}

impl Parts<'_> {
    fn is_valid(&self) -> bool {
        self.key.verify_strict(self.message, &self.signature).is_ok()
    }
}

fn parts<'a>(key: &HexBytes, message: &'a HexBytes, signature: &HexBytes) -> Result<Parts<'a>, WorkError> {
    let key: &[u8; 32] = key.0.as_slice().try_into().map_err(|_| wrong_length("public_key", &key.0, 32))?;
    let signature: &[u8; 64] =
        signature.0.as_slice().try_into().map_err(|_| wrong_length("signature", &signature.0, 64))?;
    let key = VerifyingKey::from_bytes(key)
        .map_err(|_| WorkError::Invalid("`public_key` is not a point of the curve".to_owned()))?;
    Ok(Parts { key, message: &message.0, signature: Signature::from_bytes(signature) })
}

fn wrong_length(name: &str, found: &[u8], expected: usize) -> WorkError {
    WorkError::Invalid(format!("`{name}` has {} bytes, expected {expected}", found.len()))
}

/// Verifies one proof.
pub(crate) fn verify_proof(body: &[u8]) -> Result<Verified, WorkError> {
    #[derive(Serialize)]
    struct Answer {
        valid: bool,
    }
    let proof: Proof = read_json(body)?;
    let is_valid = parts(&proof.public_key, &proof.message, &proof.signature)?.is_valid();
    Ok(Verified { answer: write_json(&Answer { valid: is_valid })?, is_valid })
}

/// Verifies a batch at once, and one by one only when the batch as a whole is refused, to say which are invalid.
pub(crate) fn verify_proofs(body: &[u8]) -> Result<Verified, WorkError> {
    #[derive(Serialize)]
    struct Answer {
        valid: bool,
        count: usize,
        invalid: Vec<usize>,
    }
    let request: BatchRequest = read_json(body)?;
    let count = request.proofs.len();
    if !(1..=MOST_PROOFS).contains(&count) {
        return Err(WorkError::Invalid(format!("`proofs` has {count} entries, expected 1 to {MOST_PROOFS}")));
    }
    let proofs = request
        .proofs
        .iter()
        .map(|proof| parts(&proof.public_key, &proof.message, &proof.signature))
        .collect::<Result<Vec<_>, _>>()?;
    let messages: Vec<&[u8]> = proofs.iter().map(|proof| proof.message).collect();
    let signatures: Vec<Signature> = proofs.iter().map(|proof| proof.signature).collect();
    let keys: Vec<VerifyingKey> = proofs.iter().map(|proof| proof.key).collect();
    let invalid = match verify_batch(&messages, &signatures, &keys) {
        Ok(()) => Vec::new(),
        Err(_) => (0..count).filter(|&index| !proofs[index].is_valid()).collect(),
    };
    let is_valid = invalid.is_empty();
    Ok(Verified { answer: write_json(&Answer { valid: is_valid, count, invalid })?, is_valid })
}

/// Verifies that the template was signed, and compares it with the sample.
pub(crate) fn verify_biometric(body: &[u8]) -> Result<Verified, WorkError> {
    #[derive(Serialize)]
    struct Answer {
        valid: bool,
        signature_valid: bool,
        similarity: f64,
        matches: bool,
    }
    let request: BiometricRequest = read_json(body)?;
    let features = request.template.0.len();
    if !(1..=MOST_FEATURES).contains(&features) {
        return Err(WorkError::Invalid(format!("`template` has {features} features, expected 1 to {MOST_FEATURES}")));
    }
    if request.sample.0.len() != features {
        return Err(wrong_length("sample", &request.sample.0, features));
    }
    if !(0.0..=1.0).contains(&request.threshold) {
        return Err(WorkError::Invalid(format!("`threshold` is {}, expected 0 to 1", request.threshold)));
    }
    let signature_valid = parts(&request.public_key, &request.template, &request.signature)?.is_valid();
    let similarity = similarity(&request.template.0, &request.sample.0);
    let matches = similarity >= request.threshold;
    let is_valid = signature_valid && matches;
    let answer = write_json(&Answer { valid: is_valid, signature_valid, similarity, matches })?;
    Ok(Verified { answer, is_valid })
}

/// Cosine of the angle between two vectors of features, 0 to 1; 0 if one of them is all zeros.
fn similarity(left: &[u8], right: &[u8]) -> f64 {
    let dot = |a: &[u8], b: &[u8]| -> f64 { a.iter().zip(b).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum() };
    let norms = (dot(left, left) * dot(right, right)).sqrt();
    if norms > 0.0 { (dot(left, right) / norms).min(1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer, SigningKey};
    use serde_json::Value;

    use super::*;

    fn proof(secret: u8, message: &[u8]) -> Proof {
        let key = SigningKey::from_bytes(&[secret; 32]);
        Proof {
            public_key: HexBytes(key.verifying_key().to_bytes().to_vec()),
            message: HexBytes(message.to_vec()),
            signature: HexBytes(key.sign(message).to_bytes().to_vec()),
        }
    }

    fn body(request: &impl Serialize) -> Vec<u8> {
        serde_json::to_vec(request).expect("JSON")
    }

    fn answer(verified: Verified) -> Value {
        serde_json::from_slice(&verified.answer).expect("JSON")
    }

    /// RFC 8032, section 7.1, test 2.
    #[test]
    fn a_signature_of_the_standard_is_valid() {
        let request = r#"{
            "public_key": "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "message": "72",
            "signature": "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        }"#;
        assert!(verify_proof(request.as_bytes()).expect("an answer").is_valid);
        let other = request.replace("\"72\"", "\"73\"");
        assert!(!verify_proof(other.as_bytes()).expect("an answer").is_valid);
    }

    #[test]
    fn a_batch_names_the_proofs_that_are_invalid() {
        let mut proofs: Vec<Proof> = (1..=8).map(|secret| proof(secret, &[secret, 1, 2])).collect();
        let all_valid = verify_proofs(&body(&BatchRequest { proofs: proofs.clone() })).expect("an answer");
        assert!(all_valid.is_valid);
        proofs[3].message.0[0] ^= 1;
        proofs[6].message.0[0] ^= 1;
        let answer = answer(verify_proofs(&body(&BatchRequest { proofs })).expect("an answer"));
        assert_eq!(answer, serde_json::json!({"valid": false, "count": 8, "invalid": [3, 6]}));
    }

    #[test]
    fn a_biometric_proof_needs_the_signature_and_the_likeness() {
        let template: Vec<u8> = (1..=64).collect();
        let signed = proof(7, &template);
        let request = |sample: Vec<u8>, signature: HexBytes| {
            body(&BiometricRequest {
                public_key: signed.public_key.clone(),
                template: HexBytes(template.clone()),
                signature,
                sample: HexBytes(sample),
                threshold: 0.98,
            })
        };
        let is_valid = |body: Vec<u8>| verify_biometric(&body).expect("an answer").is_valid;
        assert!(is_valid(request(template.clone(), signed.signature.clone())));
        assert!(!is_valid(request(template.iter().rev().copied().collect(), signed.signature.clone())));
        assert!(!is_valid(request(template.clone(), proof(8, &template).signature)));
        assert_eq!(similarity(&[0, 0], &[1, 2]), 0.0);
    }

    #[test]
    fn bad_requests_are_refused_with_what_is_wrong() {
        let mut short = proof(1, b"x");
        short.signature.0.pop();
        let refusal = |body: &[u8]| verify_proof(body).err().expect("a refusal").to_string();
        assert_eq!(refusal(&body(&short)), "`signature` has 63 bytes, expected 64");
        assert!(refusal(b"{\"public_key\":\"zz\"}").contains("hexadecimal"));
        let empty = verify_proofs(b"{\"proofs\":[]}").err().expect("a refusal");
        assert_eq!(empty.to_string(), "`proofs` has 0 entries, expected 1 to 256");
    }
}
