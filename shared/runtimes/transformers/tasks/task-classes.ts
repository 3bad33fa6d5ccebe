/** The second part of the seam to transformers.js (see `library/environment.ts`): which of its classes do which task. */
import {
  AudioClassificationPipeline,
  AutoModel,
  AutoModelForAudioClassification,
  AutoModelForCTC,
  AutoModelForDepthEstimation,
  AutoModelForImageClassification,
  AutoModelForImageFeatureExtraction,
  AutoModelForImageSegmentation,
  AutoModelForImageToImage,
  AutoModelForMaskedLM,
  AutoModelForObjectDetection,
  AutoModelForQuestionAnswering,
  AutoModelForSemanticSegmentation,
  AutoModelForSeq2SeqLM,
  AutoModelForSequenceClassification,
  AutoModelForSpeechSeq2Seq,
  AutoModelForTextToWaveform,
  AutoModelForTokenClassification,
  AutoModelForUniversalSegmentation,
  AutoModelForVision2Seq,
  AutoModelForZeroShotObjectDetection,
  AutomaticSpeechRecognitionPipeline,
  BackgroundRemovalPipeline,
  DepthEstimationPipeline,
  DocumentQuestionAnsweringPipeline,
  FillMaskPipeline,
  ImageClassificationPipeline,
  ImageFeatureExtractionPipeline,
  ImageSegmentationPipeline,
  ImageToImagePipeline,
  ImageToTextPipeline,
  ObjectDetectionPipeline,
  QuestionAnsweringPipeline,
  SummarizationPipeline,
  Text2TextGenerationPipeline,
  TextClassificationPipeline,
  TextToAudioPipeline,
  TokenClassificationPipeline,
  TranslationPipeline,
  ZeroShotAudioClassificationPipeline,
  ZeroShotClassificationPipeline,
  ZeroShotImageClassificationPipeline,
  ZeroShotObjectDetectionPipeline,
} from '@huggingface/transformers';
import type { Task } from './task-kinds.ts';

/** A loader of models; `supports` is in the library's code and not in its types. */
export type ModelClass = Pick<typeof AutoModel, 'from_pretrained'> & { supports?: (modelType: string) => boolean };
/** Pipelines are called with what each takes; their types are the business of who calls. */
export type PipelineClass = new (parts: never) => object;

const SEGMENTATION = [
  AutoModelForImageSegmentation,
  AutoModelForSemanticSegmentation,
  AutoModelForUniversalSegmentation,
];

/** `rerank` has no pipeline: its pairs go to the model as they are. */
export const TASK_CLASSES: Readonly<Record<Task, { pipeline: PipelineClass | null; models: readonly ModelClass[] }>> = {
  'text-classification': { pipeline: TextClassificationPipeline, models: [AutoModelForSequenceClassification] },
  'zero-shot-classification': {
    pipeline: ZeroShotClassificationPipeline,
    models: [AutoModelForSequenceClassification],
  },
  'token-classification': { pipeline: TokenClassificationPipeline, models: [AutoModelForTokenClassification] },
  'question-answering': { pipeline: QuestionAnsweringPipeline, models: [AutoModelForQuestionAnswering] },
  'fill-mask': { pipeline: FillMaskPipeline, models: [AutoModelForMaskedLM] },
  rerank: { pipeline: null, models: [AutoModelForSequenceClassification] },
  summarization: { pipeline: SummarizationPipeline, models: [AutoModelForSeq2SeqLM] },
  translation: { pipeline: TranslationPipeline, models: [AutoModelForSeq2SeqLM] },
  'text2text-generation': { pipeline: Text2TextGenerationPipeline, models: [AutoModelForSeq2SeqLM] },
  'image-classification': { pipeline: ImageClassificationPipeline, models: [AutoModelForImageClassification] },
  'zero-shot-image-classification': { pipeline: ZeroShotImageClassificationPipeline, models: [AutoModel] },
  'object-detection': { pipeline: ObjectDetectionPipeline, models: [AutoModelForObjectDetection] },
  'zero-shot-object-detection': {
    pipeline: ZeroShotObjectDetectionPipeline,
    models: [AutoModelForZeroShotObjectDetection],
  },
  'image-segmentation': { pipeline: ImageSegmentationPipeline, models: SEGMENTATION },
  'background-removal': { pipeline: BackgroundRemovalPipeline, models: SEGMENTATION },
  'depth-estimation': { pipeline: DepthEstimationPipeline, models: [AutoModelForDepthEstimation] },
  'image-to-image': { pipeline: ImageToImagePipeline, models: [AutoModelForImageToImage] },
  'image-feature-extraction': {
    pipeline: ImageFeatureExtractionPipeline,
    models: [AutoModelForImageFeatureExtraction, AutoModel],
  },
  'image-to-text': { pipeline: ImageToTextPipeline, models: [AutoModelForVision2Seq] },
  'document-question-answering': { pipeline: DocumentQuestionAnsweringPipeline, models: [AutoModelForVision2Seq] },
  'automatic-speech-recognition': {
    pipeline: AutomaticSpeechRecognitionPipeline,
    models: [AutoModelForSpeechSeq2Seq, AutoModelForCTC],
  },
  'audio-classification': { pipeline: AudioClassificationPipeline, models: [AutoModelForAudioClassification] },
  'zero-shot-audio-classification': { pipeline: ZeroShotAudioClassificationPipeline, models: [AutoModel] },
  'text-to-audio': { pipeline: TextToAudioPipeline, models: [AutoModelForTextToWaveform] },
};
