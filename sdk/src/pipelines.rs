//! Calls to pipelines, with the types of each.

use amaas_wire::pipeline::{
    Audio, AudioClassificationParameters, DetectedObject, ExtractedAnswer, FeatureExtractionParameters, Features,
    FillMaskParameters, FilledMasks, ImageClassificationParameters, ImageFeatureExtractionParameters, ImageFeatures,
    ImageSegment, ImageSegmentationParameters, LabelScore, ObjectDetectionParameters, QueryAndDocuments,
    QuestionAndContext, QuestionAnsweringParameters, RankedDocument, RecognizedText, SpeechRecognitionParameters,
    SpeechTranscript, TableRow, TabularClassification, TabularClassificationParameters, TabularRegression,
    TextClassificationParameters, TextOrPair, TextRankingParameters, TextRecognitionParameters,
    TokenClassificationParameters, TokenEntity, ZeroShotClassificationParameters,
    ZeroShotImageClassificationParameters,
};
use amaas_wire::task::Image;

use crate::answer::Answer;
use crate::error::Error;
use crate::model::Model;

/// Pipelines: each is a [`predict_many_with`](Model::predict_many_with) with its types. One prediction answers each input, in order.
impl Model {
    /// Scores texts, or pairs of texts, by label: the pipeline `text-classification`.
    ///
    /// ```
    /// use amaas::pipeline::{TextClassificationParameters, TextOrPair};
    ///
    /// # use amaas::{Error, Model};
    /// # async fn example(model: &Model) -> Result<(), Error> {
    /// let texts = [TextOrPair::from("A wonderful film."), TextOrPair::pair("It rains.", "The street is wet.")];
    /// let answer = model.classify_text(&texts, &TextClassificationParameters::default().top_k(1)).await?;
    /// println!("{} {:.4}", answer.prediction()[0].label, answer.prediction()[0].score);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn classify_text(
        &self,
        inputs: &[TextOrPair],
        parameters: &TextClassificationParameters,
    ) -> Result<Answer<Vec<LabelScore>>, Error> {
        self.predict_many_with(inputs, parameters).await
    }

    /// Scores texts by labels that the call names: the pipeline `zero-shot-classification`.
    ///
    /// ```
    /// use amaas::pipeline::ZeroShotClassificationParameters;
    ///
    /// # use amaas::{Error, Model};
    /// # async fn example(model: &Model) -> Result<(), Error> {
    /// let labels = ZeroShotClassificationParameters::new(["sport", "politics"]);
    /// let answer = model.classify_zero_shot(&["The team won the final."], &labels).await?;
    /// println!("{}", answer.prediction()[0].label);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn classify_zero_shot(
        &self,
        inputs: &[&str],
        parameters: &ZeroShotClassificationParameters,
    ) -> Result<Answer<Vec<LabelScore>>, Error> {
        self.predict_many_with(inputs, parameters).await
    }

    /// Finds entities in texts: the pipeline `token-classification`.
    ///
    /// ```
    /// use amaas::pipeline::{AggregationStrategy, TokenClassificationParameters};
    ///
    /// # use amaas::{Error, Model};
    /// # async fn example(model: &Model) -> Result<(), Error> {
    /// let parameters = TokenClassificationParameters::default().aggregation_strategy(AggregationStrategy::Simple);
    /// let answer = model.label_tokens(&["Zoë lives in New York."], &parameters).await?;
    /// for entity in answer.prediction() {
    ///     println!("{} {}", entity.label(), entity.word);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn label_tokens(
        &self,
        inputs: &[&str],
        parameters: &TokenClassificationParameters,
    ) -> Result<Answer<Vec<TokenEntity>>, Error> {
        self.predict_many_with(inputs, parameters).await
    }

    /// Answers questions with parts of their contexts: the pipeline `question-answering`.
    ///
    /// ```
    /// use amaas::pipeline::{QuestionAndContext, QuestionAnsweringParameters};
    ///
    /// # use amaas::{Error, Model};
    /// # async fn example(model: &Model) -> Result<(), Error> {
    /// let question = QuestionAndContext::new("Where is the cat?", "The cat sleeps on the warm roof.");
    /// let answer = model.answer_questions(&[question], &QuestionAnsweringParameters::default()).await?;
    /// println!("{}", answer.prediction()[0].answer);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn answer_questions(
        &self,
        inputs: &[QuestionAndContext],
        parameters: &QuestionAnsweringParameters,
    ) -> Result<Answer<Vec<ExtractedAnswer>>, Error> {
        self.predict_many_with(inputs, parameters).await
    }

    /// Finds tokens for the masks of texts: the pipeline `fill-mask`.
    ///
    /// ```
    /// use amaas::pipeline::{FillMaskParameters, FilledMasks};
    ///
    /// # use amaas::{Error, Model};
    /// # async fn example(model: &Model) -> Result<(), Error> {
    /// let answer = model.fill_mask(&["The cat [MASK] on the roof."], &FillMaskParameters::default().top_k(1)).await?;
    /// if let FilledMasks::One(tokens) = answer.prediction() {
    ///     println!("{}", tokens[0].sequence);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn fill_mask(
        &self,
        inputs: &[&str],
        parameters: &FillMaskParameters,
    ) -> Result<Answer<FilledMasks>, Error> {
        self.predict_many_with(inputs, parameters).await
    }

    /// Computes vectors of texts: the pipeline `feature-extraction`.
    ///
    /// ```
    /// use amaas::pipeline::FeatureExtractionParameters;
    ///
    /// # use amaas::{Error, Model};
    /// # async fn example(model: &Model) -> Result<(), Error> {
    /// let parameters = FeatureExtractionParameters::default().normalize(true);
    /// let answer = model.extract_features(&["The cat sleeps."], &parameters).await?;
    /// println!("{:?}, cut: {:?}", answer.prediction().pooled(), answer.truncated());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn extract_features(
        &self,
        inputs: &[&str],
        parameters: &FeatureExtractionParameters,
    ) -> Result<Answer<Features>, Error> {
        self.predict_many_with(inputs, parameters).await
    }

    /// Ranks documents by their relevance to a query: the pipeline `text-ranking`.
    ///
    /// ```
    /// use amaas::pipeline::{QueryAndDocuments, TextRankingParameters};
    ///
    /// # use amaas::{Error, Model};
    /// # async fn example(model: &Model) -> Result<(), Error> {
    /// let query = QueryAndDocuments::new("What do cats eat?", ["The roof is warm.", "Cats eat fish."]);
    /// let answer = model.rank(&[query], &TextRankingParameters::default().top_n(1)).await?;
    /// println!("document {}", answer.prediction()[0].index);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn rank(
        &self,
        inputs: &[QueryAndDocuments],
        parameters: &TextRankingParameters,
    ) -> Result<Answer<Vec<RankedDocument>>, Error> {
        self.predict_many_with(inputs, parameters).await
    }

    /// Scores images by label: the pipeline `image-classification`.
    ///
    /// ```
    /// use amaas::pipeline::ImageClassificationParameters;
    /// use amaas::task::Image;
    ///
    /// # use amaas::{Error, Model};
    /// # async fn example(model: &Model, file: Vec<u8>) -> Result<(), Error> {
    /// let answer = model.classify_images(&[Image::from(file)], &ImageClassificationParameters::default()).await?;
    /// println!("{}", answer.prediction()[0].label);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn classify_images(
        &self,
        inputs: &[Image],
        parameters: &ImageClassificationParameters,
    ) -> Result<Answer<Vec<LabelScore>>, Error> {
        self.predict_many_with(inputs, parameters).await
    }

    /// Scores images by labels that the call names: the pipeline `zero-shot-image-classification`.
    ///
    /// ```
    /// use amaas::pipeline::ZeroShotImageClassificationParameters;
    /// use amaas::task::Image;
    ///
    /// # use amaas::{Error, Model};
    /// # async fn example(model: &Model, file: Vec<u8>) -> Result<(), Error> {
    /// let labels = ZeroShotImageClassificationParameters::new(["cat", "dog"]);
    /// let answer = model.classify_images_zero_shot(&[Image::from(file)], &labels).await?;
    /// println!("{}", answer.prediction()[0].label);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn classify_images_zero_shot(
        &self,
        inputs: &[Image],
        parameters: &ZeroShotImageClassificationParameters,
    ) -> Result<Answer<Vec<LabelScore>>, Error> {
        self.predict_many_with(inputs, parameters).await
    }

    /// Computes vectors of images: the pipeline `image-feature-extraction`.
    ///
    /// ```
    /// use amaas::pipeline::ImageFeatureExtractionParameters;
    /// use amaas::task::Image;
    ///
    /// # use amaas::{Error, Model};
    /// # async fn example(model: &Model, file: Vec<u8>) -> Result<(), Error> {
    /// let answer = model.extract_image_features(&[Image::from(file)], &ImageFeatureExtractionParameters::default()).await?;
    /// println!("{:?}", answer.prediction());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn extract_image_features(
        &self,
        inputs: &[Image],
        parameters: &ImageFeatureExtractionParameters,
    ) -> Result<Answer<ImageFeatures>, Error> {
        self.predict_many_with(inputs, parameters).await
    }

    /// Reads the text in images: the pipeline `text-recognition`. A prediction lists the lines of an image in reading order.
    ///
    /// ```
    /// use amaas::pipeline::TextRecognitionParameters;
    /// use amaas::task::Image;
    ///
    /// # use amaas::{Error, Model};
    /// # async fn example(model: &Model, file: Vec<u8>) -> Result<(), Error> {
    /// let answer = model.recognize_text(&[Image::from(file)], &TextRecognitionParameters::default()).await?;
    /// for line in answer.prediction() {
    ///     println!("{} at {:?}", line.text, line.corners[0]);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn recognize_text(
        &self,
        inputs: &[Image],
        parameters: &TextRecognitionParameters,
    ) -> Result<Answer<Vec<RecognizedText>>, Error> {
        self.predict_many_with(inputs, parameters).await
    }

    /// Finds objects in images: the pipeline `object-detection`.
    ///
    /// ```
    /// use amaas::pipeline::ObjectDetectionParameters;
    /// use amaas::task::Image;
    ///
    /// # use amaas::{Error, Model};
    /// # async fn example(model: &Model, file: Vec<u8>) -> Result<(), Error> {
    /// let parameters = ObjectDetectionParameters::default().threshold(0.8);
    /// let answer = model.detect_objects(&[Image::from(file)], &parameters).await?;
    /// for object in answer.prediction() {
    ///     println!("{} {:?}", object.label, object.bounding_box);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn detect_objects(
        &self,
        inputs: &[Image],
        parameters: &ObjectDetectionParameters,
    ) -> Result<Answer<Vec<DetectedObject>>, Error> {
        self.predict_many_with(inputs, parameters).await
    }

    /// Segments images: the pipeline `image-segmentation`.
    ///
    /// ```
    /// use amaas::pipeline::ImageSegmentationParameters;
    /// use amaas::task::Image;
    ///
    /// # use amaas::{Error, Model};
    /// # async fn example(model: &Model, file: Vec<u8>) -> Result<(), Error> {
    /// let answer = model.segment_images(&[Image::from(file)], &ImageSegmentationParameters::default()).await?;
    /// for segment in answer.prediction() {
    ///     println!("{}: a PNG of {} bytes", segment.label, segment.mask.as_bytes().len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn segment_images(
        &self,
        inputs: &[Image],
        parameters: &ImageSegmentationParameters,
    ) -> Result<Answer<Vec<ImageSegment>>, Error> {
        self.predict_many_with(inputs, parameters).await
    }

    /// Scores sounds by label: the pipeline `audio-classification`.
    ///
    /// ```
    /// use amaas::pipeline::{Audio, AudioClassificationParameters};
    ///
    /// # use amaas::{Error, Model};
    /// # async fn example(model: &Model, file: Vec<u8>) -> Result<(), Error> {
    /// let answer = model.classify_audio(&[Audio::from(file)], &AudioClassificationParameters::default()).await?;
    /// println!("{}", answer.prediction()[0].label);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn classify_audio(
        &self,
        inputs: &[Audio],
        parameters: &AudioClassificationParameters,
    ) -> Result<Answer<Vec<LabelScore>>, Error> {
        self.predict_many_with(inputs, parameters).await
    }

    /// Transcribes speech: the pipeline `automatic-speech-recognition`.
    ///
    /// ```
    /// use amaas::pipeline::{Audio, SpeechRecognitionParameters};
    ///
    /// # use amaas::{Error, Model};
    /// # async fn example(model: &Model, file: Vec<u8>) -> Result<(), Error> {
    /// let answer = model.recognize_speech(&[Audio::from(file)], &SpeechRecognitionParameters::default()).await?;
    /// println!("{}", answer.prediction().text);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn recognize_speech(
        &self,
        inputs: &[Audio],
        parameters: &SpeechRecognitionParameters,
    ) -> Result<Answer<SpeechTranscript>, Error> {
        self.predict_many_with(inputs, parameters).await
    }

    /// Classifies rows of a table: the pipeline `tabular-classification`.
    ///
    /// ```
    /// use amaas::pipeline::{TableRow, TabularClassificationParameters};
    ///
    /// # use amaas::{Error, Model};
    /// # async fn example(model: &Model, rows: &[TableRow]) -> Result<(), Error> {
    /// let answer = model.classify_rows(rows, &TabularClassificationParameters::default()).await?;
    /// println!("{}", answer.prediction().label);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn classify_rows(
        &self,
        inputs: &[TableRow],
        parameters: &TabularClassificationParameters,
    ) -> Result<Answer<TabularClassification>, Error> {
        self.predict_many_with(inputs, parameters).await
    }

    /// Predicts a number for rows of a table: the pipeline `tabular-regression`.
    ///
    /// ```
    /// use amaas::pipeline::TableRow;
    ///
    /// # use amaas::{Error, Model};
    /// # async fn example(model: &Model, rows: &[TableRow]) -> Result<(), Error> {
    /// println!("{}", model.regress_rows(rows).await?.prediction().value());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn regress_rows(&self, inputs: &[TableRow]) -> Result<Answer<TabularRegression>, Error> {
        self.predict_many(inputs).await
    }
}
